import { findOperation, knownOperationNames } from "./opcodes.ts";
import { malformed } from "./trace-rejected.ts";

const SLOTS = 4096;
const MAXIMUM_NAMES = 60_000;

/**
 * Finds operation ids by the bytes of their names and gives new ids to names that no opcode has.
 * The hash only guesses: bytes are compared, so two names never meet in one id.
 */
export class OperationTable {
  private readonly names: string[];
  private readonly slots = new Int32Array(SLOTS).fill(-1);
  private readonly spellings: { readonly bytes: Uint8Array; readonly id: number }[] = [];
  private readonly byText = new Map<string, number>();

  constructor(names: string[]) {
    this.names = names;
    for (const name of knownOperationNames) if (name !== "") this.add(name);
  }

  find(bytes: Uint8Array, start: number, stop: number): number {
    const guess = this.slots[hash(bytes, start, stop)]!;
    if (guess >= 0) {
      const spelling = this.spellings[guess];
      if (spelling && equal(spelling.bytes, bytes, start, stop)) return spelling.id;
    }
    return this.add(Buffer.from(bytes.subarray(start, stop)).toString("utf8"));
  }

  private add(spelled: string): number {
    const known = this.byText.get(spelled);
    if (known !== undefined) return known;
    const id = findOperation(spelled) ?? this.addName(spelled);
    const bytes = Buffer.from(spelled);
    this.byText.set(spelled, id);
    const slot = hash(bytes, 0, bytes.length);
    if (this.slots[slot] === -1) {
      this.slots[slot] = this.spellings.length;
      this.spellings.push({ bytes, id });
    }
    return id;
  }

  private addName(name: string): number {
    if (this.names.length >= MAXIMUM_NAMES || name === "" || name.length > 100) {
      throw malformed("op", "a step's op is no name of an opcode");
    }
    return this.names.push(name) - 1;
  }
}

function hash(bytes: Uint8Array, start: number, stop: number): number {
  let value = stop - start;
  for (let i = start; i < stop; i++) value = (Math.imul(value, 31) + bytes[i]!) | 0;
  return (value ^ (value >>> 12)) & (SLOTS - 1);
}

function equal(name: Uint8Array, bytes: Uint8Array, start: number, stop: number): boolean {
  if (name.length !== stop - start) return false;
  for (let i = 0; i < name.length; i++) if (name[i] !== bytes[start + i]) return false;
  return true;
}
