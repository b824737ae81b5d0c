import { assemble, inMemory } from "./assembler.ts";

const eoa = `0x${"11".repeat(20)}`;

/** Small contracts by name: hex of their code without 0x. Each ends its frame in another way. */
export const callees: Readonly<Record<string, string>> = {
  stop: assemble("STOP"),
  implicitStop: assemble(1, "POP"),
  returnWord: assemble(7, 0, "MSTORE", 32, 0, "RETURN"),
  returnNothingFar: assemble(0, "0xffffffff", "RETURN"),
  revertEmpty: assemble(0, 0, "REVERT"),
  revertData: assemble(7, 0, "MSTORE", 32, 0, "REVERT"),
  revertOutOfGas: assemble("0xffffffff", 0, "REVERT"),
  invalid: assemble(1, "INVALID"),
  invalidFirst: assemble("INVALID"),
  undefinedOpcode: assemble("UNDEFINED"),
  badJump: assemble(3, "JUMP"),
  badJumpi: assemble(1, 5, "JUMPI"),
  goodJump: assemble(4, "JUMP", "INVALID", "JUMPDEST", 0, 10, "JUMPI", "STOP"),
  underflow: assemble("ADD"),
  memoryOutOfGas: assemble(1, "0xffffffffff", "MSTORE"),
  hugeOffset: assemble(1, `0x${"ff".repeat(32)}`, "MSTORE"),
  keccak: assemble(65, 3, "KECCAK256", "POP"),
  exp: assemble("0x010000", 3, "EXP", 0, 5, "EXP", "POP", "POP"),
  copies: assemble(33, 0, 64, "CALLDATACOPY", 5, 0, 0, "CODECOPY", 9, 3, 40, "MCOPY"),
  extcode: assemble(
    40,
    0,
    0,
    eoa,
    "EXTCODECOPY",
    eoa,
    "EXTCODESIZE",
    eoa,
    "EXTCODEHASH",
    eoa,
    "BALANCE",
  ),
  returndataOutOfBounds: assemble(9, 0, 0, "RETURNDATACOPY"),
  log: assemble(1, 2, 33, 0, "LOG2", 5, 100, "LOG0"),
  sstoreSet: assemble(1, 0, "SSTORE", 1, "SLOAD", "POP"),
  sstoreClear: assemble(1, 9, "SSTORE", 0, 9, "SSTORE"),
  sstoreRevert: assemble(1, 3, "SSTORE", 0, 0, "REVERT"),
  manyStores: Array.from({ length: 40 }, (_, slot) => assemble(1, slot + 20, "SSTORE")).join(""),
  tstore: assemble(1, 0, "TSTORE", 0, "TLOAD", "POP"),
  selfdestruct: assemble(eoa, "SELFDESTRUCT"),
  selfdestructSelf: assemble("ADDRESS", "SELFDESTRUCT"),
  callsValue: assemble(0, 0, 0, 0, 1, eoa, "GAS", "CALL", "POP"),
  creates: inMemory("6001600055") + assemble(5, 0, 0, "CREATE", "POP"),
  recurses: assemble(0, 0, 0, 0, 0, "ADDRESS", "GAS", "CALL", "POP"),
};

/** Code that calls `target` in one of the four ways and goes on after it. */
export function callOf(
  operation: "CALL" | "CALLCODE" | "DELEGATECALL" | "STATICCALL",
  target: string,
  {
    gas = "0xea60",
    value = 0,
    inputBytes = 0,
  }: { gas?: string; value?: number; inputBytes?: number } = {},
): string {
  const hasValue = operation === "CALL" || operation === "CALLCODE";
  return assemble(0, 0, inputBytes, 0, ...(hasValue ? [value] : []), target, gas, operation, "POP");
}

/** Init codes by name: hex without 0x, at most 32 bytes. */
export const initCodes: Readonly<Record<string, string>> = {
  empty: "",
  word: assemble(7, 0, "MSTORE", 32, 0, "RETURN"),
  stop: assemble("STOP"),
  revert: assemble(7, 0, "MSTORE", 32, 0, "REVERT"),
  invalid: assemble("INVALID"),
  underflow: assemble("POP"),
  startsWithEf: assemble("0xef", 0, "MSTORE8", 1, 0, "RETURN"),
  tooLong: assemble("0x6001", 0, "RETURN"),
  nothing: assemble(0, 0, "RETURN"),
  selfdestruct: assemble("ORIGIN", "SELFDESTRUCT"),
  stores: assemble(1, 0, "SSTORE"),
};

/** Code that creates a contract from init code and looks at it afterwards. */
export function creationOf(
  operation: "CREATE" | "CREATE2",
  initCode: string,
  { value = 0, salt = 5 }: { value?: number; salt?: number } = {},
): string {
  const length = initCode.length / 2;
  const create = assemble(...(operation === "CREATE2" ? [salt] : []), length, 0, value, operation);
  return inMemory(initCode) + create + assemble("DUP1", "EXTCODESIZE", "POP", "POP");
}

export const precompiles = [
  ...Array.from({ length: 0x11 }, (_, index) => index + 1),
  0x100,
] as const;
