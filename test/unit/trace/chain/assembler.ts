/** Bytes of the opcodes that the scenarios use. */
const opcodes: Readonly<Record<string, number>> = {
  STOP: 0x00,
  ADD: 0x01,
  MUL: 0x02,
  SUB: 0x03,
  DIV: 0x04,
  EXP: 0x0a,
  LT: 0x10,
  ISZERO: 0x15,
  KECCAK256: 0x20,
  ADDRESS: 0x30,
  BALANCE: 0x31,
  ORIGIN: 0x32,
  CALLER: 0x33,
  CALLVALUE: 0x34,
  CALLDATALOAD: 0x35,
  CALLDATASIZE: 0x36,
  CALLDATACOPY: 0x37,
  CODESIZE: 0x38,
  CODECOPY: 0x39,
  EXTCODESIZE: 0x3b,
  EXTCODECOPY: 0x3c,
  RETURNDATASIZE: 0x3d,
  RETURNDATACOPY: 0x3e,
  EXTCODEHASH: 0x3f,
  COINBASE: 0x41,
  PREVRANDAO: 0x44,
  SELFBALANCE: 0x47,
  POP: 0x50,
  MLOAD: 0x51,
  MSTORE: 0x52,
  MSTORE8: 0x53,
  SLOAD: 0x54,
  SSTORE: 0x55,
  JUMP: 0x56,
  JUMPI: 0x57,
  PC: 0x58,
  MSIZE: 0x59,
  GAS: 0x5a,
  JUMPDEST: 0x5b,
  TLOAD: 0x5c,
  TSTORE: 0x5d,
  MCOPY: 0x5e,
  PUSH0: 0x5f,
  DUP1: 0x80,
  DUP2: 0x81,
  SWAP1: 0x90,
  SWAP2: 0x91,
  LOG0: 0xa0,
  LOG1: 0xa1,
  LOG2: 0xa2,
  CREATE: 0xf0,
  CALL: 0xf1,
  CALLCODE: 0xf2,
  RETURN: 0xf3,
  DELEGATECALL: 0xf4,
  CREATE2: 0xf5,
  STATICCALL: 0xfa,
  REVERT: 0xfd,
  INVALID: 0xfe,
  SELFDESTRUCT: 0xff,
  UNDEFINED: 0x0c,
};

/** Words of assembly to hex without 0x: an opcode's name, or 0x.. which is pushed by the shortest PUSH. */
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
