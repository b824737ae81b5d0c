import { opcodes } from "../../../../src/dev/demo-chain/assembler.ts";

/** Words of assembly to hex without 0x: an opcode's name, or a number, pushed by the shortest PUSH that every fork has. */
export function assemble(...parts: readonly (string | number | bigint)[]): string {
  const words = parts.flatMap((part): (string | number | bigint)[] =>
    typeof part === "string" ? part.trim().split(/\s+/) : [part],
  );
  return words
    .map((word) => (typeof word === "string" && !word.startsWith("0x") ? opcode(word) : push(word)))
    .join("");
}

function opcode(name: string): string {
  const byte = opcodes[name];
  if (byte === undefined) throw new RangeError(`no opcode ${name}`);
  return byte.toString(16).padStart(2, "0");
}

function push(word: string | number | bigint): string {
  const digits = typeof word === "string" ? word.slice(2) : word.toString(16);
  const bytes = digits.length % 2 ? `0${digits}` : digits;
  return (0x5f + bytes.length / 2).toString(16) + bytes;
}

/** Init code that leaves `runtime` (hex without 0x) as the code. */
export function deployer(runtime: string): `0x${string}` {
  const size = runtime.length / 2;
  // PUSH2 size DUP1 PUSH1 offset PUSH1 0 CODECOPY PUSH1 0 RETURN
  const head = `61${size.toString(16).padStart(4, "0")}80600c6000396000f3`;
  return `0x${head}${runtime}`;
}

/** Code that writes `data` (hex without 0x, at most 32 bytes) to memory and runs what follows on it. */
export function inMemory(data: string): string {
  return data === "" ? "" : assemble(`0x${data.padEnd(64, "0")}`, 0, "MSTORE");
}
