import { concat, type Hex, numberToHex, size } from "viem";

/** The opcodes that small contracts use, by name. */
export const opcodes: Readonly<Record<string, number>> = {
  STOP: 0x00,
  ADD: 0x01,
  MUL: 0x02,
  SUB: 0x03,
  DIV: 0x04,
  MOD: 0x06,
  EXP: 0x0a,
  LT: 0x10,
  GT: 0x11,
  EQ: 0x14,
  ISZERO: 0x15,
  AND: 0x16,
  XOR: 0x18,
  SHR: 0x1c,
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
  NUMBER: 0x43,
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
  DUP3: 0x82,
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
  // Not an opcode on any fork: what a node does with it is one of the tests.
  UNDEFINED: 0x0c,
};

/**
 * Assembles a program. Words are opcodes, numbers (pushed as short as they fit), `name:` (a jump target) and `@name`
 * (pushes its position).
 * @throws {Error} On a word that means nothing.
 */
export function assemble(program: string): Hex {
  const words = program.split(/\s+/).filter(Boolean);
  const positions = new Map<string, number>();
  let position = 0;
  for (const word of words) {
    if (word.endsWith(":")) positions.set(word.slice(0, -1), position);
    position += size(encode(word, () => 0));
  }
  return concat(
    words.map((word) =>
      encode(word, (label) => {
        const target = positions.get(label);
        if (target === undefined) throw new Error(`no label "${label}"`);
        return target;
      }),
    ),
  );
}

function encode(word: string, positionOf: (label: string) => number): Hex {
  if (word.endsWith(":")) return byte(0x5b);
  if (word.startsWith("@"))
    return concat([byte(0x61), numberToHex(positionOf(word.slice(1)), { size: 2 })]);
  const opcode = opcodes[word];
  if (opcode !== undefined) return byte(opcode);
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(word)) throw new Error(`"${word}" is no opcode and no number`);
  return push(BigInt(word));
}

function push(value: bigint): Hex {
  if (value === 0n) return byte(0x5f);
  const digits = value.toString(16);
  const bytes: Hex = `0x${digits.padStart(digits.length + (digits.length % 2), "0")}`;
  return concat([byte(0x5f + size(bytes)), bytes]);
}

function byte(value: number): Hex {
  return numberToHex(value, { size: 1 });
}

/** Init code that deploys `runtime` as it is. */
export function initCodeOf(runtime: Hex): Hex {
  const prefix = (offset: number) =>
    assemble(`${size(runtime)} DUP1 ${offset} PUSH0 CODECOPY PUSH0 RETURN`);
  return concat([prefix(size(prefix(1))), runtime]);
}
