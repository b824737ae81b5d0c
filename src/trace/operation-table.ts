import { findOperation, knownOperationNames, otherSpellings } from "./opcodes.ts";
import { malformed } from "./trace-rejected.ts";

const SLOTS = 4096;
const MAXIMUM_NAMES = 60_000;

type Spelling = { readonly bytes: Uint8Array; readonly id: number };

/** Spellings by the hash of their bytes: the first one of each hash is found without a string. */
class Spellings {
  readonly slots: Int32Array;
  readonly list: Spelling[];
  readonly byText: Map<string, number>;

  constructor(from?: Spellings) {
    this.slots = from?.slots.slice() ?? new Int32Array(SLOTS).fill(-1);
    this.list = [...(from?.list ?? [])];
    this.byText = new Map(from?.byText);
  }

  add(spelled: string, id: number): void {
    const bytes = Buffer.from(spelled);
    this.byText.set(spelled, id);
    const slot = hash(bytes, 0, bytes.length);
    if (this.slots[slot] !== -1) return;
    this.slots[slot] = this.list.length;
    this.list.push({ bytes, id });
  }
}

/** What every scan starts with; not written to after this. */
const known = new Spellings();
for (const spelled of [...knownOperationNames, ...otherSpellings]) {
  const id = findOperation(spelled);
  if (id !== undefined && spelled !== "") known.add(spelled, id);
}

/**
 * Finds operation ids by the bytes of their names and gives new ids to names that no opcode has.
 * The hash only guesses: bytes are compared, so two names never meet in one id.
 */
export class OperationTable {
  private readonly names: string[];
  /** Shared by all scans until one meets a name that is not in it. */
  private spellings = known;

  constructor(names: string[]) {
    this.names = names;
  }

  find(bytes: Uint8Array, start: number, stop: number): number {
    const { slots, list } = this.spellings;
    const guess = slots[hash(bytes, start, stop)]!;
    if (guess >= 0) {
      const spelling = list[guess]!;
      if (equal(spelling.bytes, bytes, start, stop)) return spelling.id;
    }
    return this.findText(Buffer.from(bytes.subarray(start, stop)).toString("utf8"));
  }

  private findText(spelled: string): number {
    const id = this.spellings.byText.get(spelled);
    if (id !== undefined) return id;
    if (this.spellings === known) this.spellings = new Spellings(known);
    const added = findOperation(spelled) ?? this.addName(spelled);
    this.spellings.add(spelled, added);
    return added;
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
