import type { Fork } from "../domain/fork.ts";

/** How the gas of an opcode is found. */
export type CostKind =
  | "fixed"
  | "memory"
  | "copy"
  | "keccak"
  | "log"
  | "exp"
  | "state"
  | "extcodecopy"
  | "call"
  | "create"
  | "halt";

type Opcode = {
  readonly byte: number;
  readonly name: string;
  readonly pops: number;
  readonly pushes: number;
  /** Constant part of the gas; 0 where a fork decides (see gas-rules.ts). */
  readonly gas: number;
  readonly kind: CostKind;
  readonly since: Fork;
};

function op(
  byte: number,
  name: string,
  [pops, pushes]: readonly [number, number],
  gas: number,
  { kind = "fixed", since = "frontier" }: { kind?: CostKind; since?: Fork } = {},
): Opcode {
  return { byte, name, pops, pushes, gas, kind, since };
}

const counted = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** Opcodes of the yellow paper and the EIPs up to Osaka, by byte. */
const opcodes: readonly Opcode[] = [
  op(0x00, "STOP", [0, 0], 0),
  op(0x01, "ADD", [2, 1], 3),
  op(0x02, "MUL", [2, 1], 5),
  op(0x03, "SUB", [2, 1], 3),
  op(0x04, "DIV", [2, 1], 5),
  op(0x05, "SDIV", [2, 1], 5),
  op(0x06, "MOD", [2, 1], 5),
  op(0x07, "SMOD", [2, 1], 5),
  op(0x08, "ADDMOD", [3, 1], 8),
  op(0x09, "MULMOD", [3, 1], 8),
  op(0x0a, "EXP", [2, 1], 10, { kind: "exp" }),
  op(0x0b, "SIGNEXTEND", [2, 1], 5),
  op(0x10, "LT", [2, 1], 3),
  op(0x11, "GT", [2, 1], 3),
  op(0x12, "SLT", [2, 1], 3),
  op(0x13, "SGT", [2, 1], 3),
  op(0x14, "EQ", [2, 1], 3),
  op(0x15, "ISZERO", [1, 1], 3),
  op(0x16, "AND", [2, 1], 3),
  op(0x17, "OR", [2, 1], 3),
  op(0x18, "XOR", [2, 1], 3),
  op(0x19, "NOT", [1, 1], 3),
  op(0x1a, "BYTE", [2, 1], 3),
  op(0x1b, "SHL", [2, 1], 3, { since: "constantinople" }),
  op(0x1c, "SHR", [2, 1], 3, { since: "constantinople" }),
  op(0x1d, "SAR", [2, 1], 3, { since: "constantinople" }),
  op(0x1e, "CLZ", [1, 1], 5, { since: "osaka" }),
  op(0x20, "KECCAK256", [2, 1], 30, { kind: "keccak" }),
  op(0x30, "ADDRESS", [0, 1], 2),
  op(0x31, "BALANCE", [1, 1], 0, { kind: "state" }),
  op(0x32, "ORIGIN", [0, 1], 2),
  op(0x33, "CALLER", [0, 1], 2),
  op(0x34, "CALLVALUE", [0, 1], 2),
  op(0x35, "CALLDATALOAD", [1, 1], 3),
  op(0x36, "CALLDATASIZE", [0, 1], 2),
  op(0x37, "CALLDATACOPY", [3, 0], 3, { kind: "copy" }),
  op(0x38, "CODESIZE", [0, 1], 2),
  op(0x39, "CODECOPY", [3, 0], 3, { kind: "copy" }),
  op(0x3a, "GASPRICE", [0, 1], 2),
  op(0x3b, "EXTCODESIZE", [1, 1], 0, { kind: "state" }),
  op(0x3c, "EXTCODECOPY", [4, 0], 0, { kind: "extcodecopy" }),
  op(0x3d, "RETURNDATASIZE", [0, 1], 2, { since: "byzantium" }),
  op(0x3e, "RETURNDATACOPY", [3, 0], 3, { kind: "copy", since: "byzantium" }),
  op(0x3f, "EXTCODEHASH", [1, 1], 0, { kind: "state", since: "constantinople" }),
  op(0x40, "BLOCKHASH", [1, 1], 20),
  op(0x41, "COINBASE", [0, 1], 2),
  op(0x42, "TIMESTAMP", [0, 1], 2),
  op(0x43, "NUMBER", [0, 1], 2),
  op(0x44, "DIFFICULTY", [0, 1], 2),
  op(0x44, "PREVRANDAO", [0, 1], 2),
  op(0x45, "GASLIMIT", [0, 1], 2),
  op(0x46, "CHAINID", [0, 1], 2, { since: "istanbul" }),
  op(0x47, "SELFBALANCE", [0, 1], 5, { since: "istanbul" }),
  op(0x48, "BASEFEE", [0, 1], 2, { since: "london" }),
  op(0x49, "BLOBHASH", [1, 1], 3, { since: "cancun" }),
  op(0x4a, "BLOBBASEFEE", [0, 1], 2, { since: "cancun" }),
  op(0x50, "POP", [1, 0], 2),
  op(0x51, "MLOAD", [1, 1], 3, { kind: "memory" }),
  op(0x52, "MSTORE", [2, 0], 3, { kind: "memory" }),
  op(0x53, "MSTORE8", [2, 0], 3, { kind: "memory" }),
  op(0x54, "SLOAD", [1, 1], 0, { kind: "state" }),
  op(0x55, "SSTORE", [2, 0], 0, { kind: "state" }),
  op(0x56, "JUMP", [1, 0], 8),
  op(0x57, "JUMPI", [2, 0], 10),
  op(0x58, "PC", [0, 1], 2),
  op(0x59, "MSIZE", [0, 1], 2),
  op(0x5a, "GAS", [0, 1], 2),
  op(0x5b, "JUMPDEST", [0, 0], 1),
  op(0x5c, "TLOAD", [1, 1], 100, { since: "cancun" }),
  op(0x5d, "TSTORE", [2, 0], 100, { since: "cancun" }),
  op(0x5e, "MCOPY", [3, 0], 3, { kind: "copy", since: "cancun" }),
  op(0x5f, "PUSH0", [0, 1], 2, { since: "shanghai" }),
  ...counted(1, 32).map((size) => op(0x5f + size, `PUSH${size}`, [0, 1], 3)),
  ...counted(1, 16).map((n) => op(0x7f + n, `DUP${n}`, [n, n + 1], 3)),
  ...counted(1, 16).map((n) => op(0x8f + n, `SWAP${n}`, [n + 1, n + 1], 3)),
  ...counted(0, 4).map((n) => op(0xa0 + n, `LOG${n}`, [n + 2, 0], 375 + 375 * n, { kind: "log" })),
  op(0xf0, "CREATE", [3, 1], 32000, { kind: "create" }),
  op(0xf1, "CALL", [7, 1], 0, { kind: "call" }),
  op(0xf2, "CALLCODE", [7, 1], 0, { kind: "call" }),
  op(0xf3, "RETURN", [2, 0], 0, { kind: "memory" }),
  op(0xf4, "DELEGATECALL", [6, 1], 0, { kind: "call", since: "homestead" }),
  op(0xf5, "CREATE2", [4, 1], 32000, { kind: "create", since: "constantinople" }),
  op(0xfa, "STATICCALL", [6, 1], 0, { kind: "call", since: "byzantium" }),
  op(0xfd, "REVERT", [2, 0], 0, { kind: "memory", since: "byzantium" }),
  op(0xfe, "INVALID", [0, 0], 0, { kind: "halt" }),
  op(0xff, "SELFDESTRUCT", [1, 0], 0, { kind: "state" }),
  op(-1, "UNDEFINED", [0, 0], 0, { kind: "halt" }),
];

/** Names by operation id: 0 is "" (a synthetic row), known opcodes follow; unknown names are added by a scan. */
export const knownOperationNames: readonly string[] = ["", ...opcodes.map(({ name }) => name)];
const byName = new Map(knownOperationNames.map((name, id) => [name, id]));

/** @throws {RangeError} if no opcode has that name. */
export function operationId(name: string): number {
  const id = byName.get(name);
  if (id === undefined) throw new RangeError(`no opcode is called ${name}`);
  return id;
}

const table = (value: (opcode: Opcode) => number) => {
  const values = new Int32Array(0x10000);
  for (const [index, opcode] of opcodes.entries()) values[index + 1] = value(opcode);
  return values;
};
/** By operation id; 0 for names added by a scan. */
export const stackPops = table(({ pops }) => pops);
export const stackDelta = table(({ pops, pushes }) => pushes - pops);
export const constantGas = table(({ gas }) => gas);
/** Bytes that follow the opcode in the code: 1-32 for PUSH1-PUSH32. */
export const pushedBytes = table(({ byte }) => (byte >= 0x60 && byte <= 0x7f ? byte - 0x5f : 0));
/** How many words from the stack's top a rule looks at; the top one always (a call's outcome). */
export const wordsNeeded = table(({ kind, pops, name }) =>
  ["fixed", "state", "halt"].includes(kind) && !name.startsWith("JUMP")
    ? 1
    : Math.max(1, kind === "log" ? 2 : pops),
);
export function costKindOf(id: number): CostKind | "unknown" {
  return opcodes[id - 1]?.kind ?? "unknown";
}
export function introducedIn(id: number): Fork | null {
  return opcodes[id - 1]?.since ?? null;
}

export const CALL = operationId("CALL");
export const CALLCODE = operationId("CALLCODE");
export const EXTCODECOPY = operationId("EXTCODECOPY");
export const STATICCALL = operationId("STATICCALL");
export const CREATE = operationId("CREATE");
export const CREATE2 = operationId("CREATE2");
export const STOP = operationId("STOP");
export const RETURN = operationId("RETURN");
export const REVERT = operationId("REVERT");
export const SELFDESTRUCT = operationId("SELFDESTRUCT");
export const INVALID = operationId("INVALID");
export const UNDEFINED = operationId("UNDEFINED");
export const JUMP = operationId("JUMP");
export const JUMPI = operationId("JUMPI");
export const JUMPDEST = operationId("JUMPDEST");
export const DIFFICULTY = operationId("DIFFICULTY");
export const PREVRANDAO = operationId("PREVRANDAO");

const ids = (names: readonly string[]) => {
  const set = new Uint8Array(0x10000);
  for (const name of names) set[operationId(name)] = 1;
  return set;
};
/** 1 for CALL, CALLCODE, DELEGATECALL, STATICCALL. */
export const isCall = ids(["CALL", "CALLCODE", "DELEGATECALL", "STATICCALL"]);
export const isCreate = ids(["CREATE", "CREATE2"]);
/** 1 for what ends a frame without a halt. */
export const isEnder = ids(["STOP", "RETURN", "REVERT", "SELFDESTRUCT"]);
/** 1 for halts that geth shows no sign of (traces, section 6, 4d). */
export const haltsSilently = ids(["JUMP", "JUMPI", "RETURNDATACOPY"]);
/** The same, but only inside a static call. */
export const haltsSilentlyInStatic = ids(
  "LOG0 LOG1 LOG2 LOG3 LOG4 TSTORE SSTORE CREATE CREATE2 CALL SELFDESTRUCT".split(" "),
);

/** Spellings of one opcode that differ between clients and times (D25). */
const spellings: Readonly<Record<string, string>> = {
  SHA3: "KECCAK256",
  SUICIDE: "SELFDESTRUCT",
  RANDOM: "PREVRANDAO",
  UNKNOWN: "UNDEFINED",
};

/** Spellings of known opcodes beside their names, as clients write them. */
export const otherSpellings: readonly string[] = [...Object.keys(spellings), "Unknown"];

/** Nethermind writes an undefined opcode as its hex alone. */
const undefinedSpelling =
  /^(?:opcode 0x[0-9a-f]{1,2} not defined|missing opcode 0x[0-9a-f]{1,2}|(?:0x)?[0-9a-f]{2})$/i;

/** The id of an opcode as a node spells it; undefined for a name that no opcode has. */
export function findOperation(spelled: string): number | undefined {
  if (undefinedSpelling.test(spelled)) return /^(?:0x)?fe$/i.test(spelled) ? INVALID : UNDEFINED;
  const upper = spelled.toUpperCase();
  return byName.get(spellings[upper] ?? upper);
}
