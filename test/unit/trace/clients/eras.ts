import type { GoldenTransaction } from "../../../../src/dev/golden.ts";

/** A step as a client writes it; only what the eras change is named. */
export type WireStep = {
  pc: number;
  op: string;
  gas: number;
  gasCost: number | bigint;
  depth: number;
  stack?: string[] | null;
  error?: unknown;
  refund?: number;
  [other: string]: unknown;
};
export type WireTrace = {
  gas: number;
  failed: boolean;
  returnValue: string;
  structLogs: WireStep[];
};

/** One client at one time: how it writes what geth 1.17 (or anvil, for reth) writes as the golden trace. */
export type ClientEra = {
  readonly name: string;
  readonly clientVersion: string;
  /** Whose golden traces it is nearest to. */
  readonly like: "geth" | "anvil";
  /** Changes the trace in place and gives its keys in the client's order. */
  readonly write: (trace: WireTrace, golden: GoldenTransaction) => object;
  /** Columns that such a client cannot know: it sends no counter of refunds. */
  readonly hidesRefunds?: boolean;
  /** A transaction that ran no code comes with one STOP. */
  readonly logsTransfers?: boolean;
};

const bare = (hex: string) => hex.replace(/^0x/, "");
const isUndefined = (op: string) => op.startsWith("opcode 0x");
const wordOf = (hex: string) => bare(hex).padStart(64, "0");

function eachStep(trace: WireTrace, change: (step: WireStep) => void): void {
  for (const step of trace.structLogs) change(step);
}

function structLogsFirst({ structLogs, gas, failed, returnValue }: WireTrace): object {
  return { structLogs, gas, failed, returnValue };
}

/** Memory that was not asked for, as one word or two. */
const memoryOf = (step: WireStep, word: string) => (step.pc > 4 ? [word, word] : []);
const zeroWord = "0".repeat(64);

function eachWord(step: WireStep, write: (hex: string) => string): void {
  step.stack = step.stack?.map(write) ?? [];
}

const gethEras: readonly ClientEra[] = [
  {
    name: "geth 1.15.5: return value without 0x, memory without prefix",
    clientVersion: "Geth/v1.15.5-stable-4263936a/linux-amd64/go1.24.0",
    like: "geth",
    write: (trace) => {
      trace.returnValue = bare(trace.returnValue);
      eachStep(trace, (step) => {
        step["memory"] = memoryOf(step, zeroWord);
      });
      return trace;
    },
  },
  {
    name: "geth 1.13: decimal words, SHA3 and SUICIDE",
    clientVersion: "Geth/v1.13.8-stable-b20b4a71/linux-amd64/go1.21.6",
    like: "geth",
    write: (trace) => {
      trace.returnValue = bare(trace.returnValue);
      eachStep(trace, (step) => {
        eachWord(step, (hex) => BigInt(hex).toString());
        if (step.op === "KECCAK256") step.op = "SHA3";
        if (step.op === "SELFDESTRUCT") step.op = "SUICIDE";
      });
      return trace;
    },
  },
  {
    name: "geth 1.9: padded words without prefix",
    clientVersion: "Geth/v1.9.25-stable-e7872729/linux-amd64/go1.15.6",
    like: "geth",
    write: (trace) => {
      eachStep(trace, (step) => {
        eachWord(step, wordOf);
        step.op = step.op.replace(/^opcode 0x(\w+) not defined$/, "Missing opcode 0x$1");
      });
      return trace;
    },
  },
];

const erigonEras: readonly ClientEra[] = [
  {
    name: "erigon 3: structLogs first, underflow in the cost of what halts",
    clientVersion: "erigon/3.3.0/linux-amd64/go1.25.0",
    like: "geth",
    write: (trace) => {
      eachStep(trace, (step) => {
        if (typeof step.error === "string" && step.error.startsWith("out of gas"))
          step.gasCost = 18_158_513_697_557_845_033n;
      });
      return structLogsFirst(trace);
    },
  },
  {
    name: "erigon 2: errors as {}, no refund, memory on",
    clientVersion: "erigon/2.60.0/linux-amd64/go1.21.5",
    like: "geth",
    hidesRefunds: true,
    write: (trace) => {
      eachStep(trace, (step) => {
        if (step.error !== undefined) step.error = {};
        delete step.refund;
        step["memory"] = memoryOf(step, zeroWord);
      });
      return structLogsFirst(trace);
    },
  },
];

const nethermindEras: readonly ClientEra[] = [
  {
    name: "nethermind 2026-06: undefined opcodes as hex",
    clientVersion: "Nethermind/v1.37.0+c0f31f52/linux-x64/dotnet10.0.0",
    like: "geth",
    write: (trace) => {
      eachStep(trace, (step) => {
        if (isUndefined(step.op)) step.op = step.op.replace(/^opcode 0x(\w+) .*$/, hexOfByte);
      });
      return structLogsFirst(trace);
    },
  },
  {
    name: "nethermind 2025: error null and storage {} on every step",
    clientVersion: "Nethermind/v1.31.0+30384d73/linux-x64/dotnet9.0.2",
    like: "geth",
    write: (trace) => {
      eachStep(trace, (step) => {
        step.error ??= null;
        step["storage"] = {};
        step["memory"] = memoryOf(step, zeroWord);
        if (isUndefined(step.op)) step.op = step.op.replace(/^opcode 0x(\w+) .*$/, hexOfByte);
      });
      return structLogsFirst(trace);
    },
  },
];

function hexOfByte(_: string, digits: string): string {
  return digits.padStart(2, "0").toUpperCase();
}

/** A transfer that ran no code comes with one STOP. */
function besuLogs({ structLogs }: WireTrace, { transaction, receipt }: GoldenTransaction) {
  const isPlainTransfer = Number(receipt.gasUsed) === 21_000;
  if (structLogs.length > 0 || !isPlainTransfer) return structLogs;
  const gas = Number(transaction.gas) - 21_000;
  return [{ pc: 0, op: "STOP", gas, gasCost: 0, depth: 1, stack: null }];
}

const besuEras: readonly ClientEra[] = [
  {
    name: "besu 26: no refund, one STOP for a plain transfer, a reason at REVERT",
    clientVersion: "besu/v26.6.0/linux-x86_64/openjdk-java-25",
    like: "geth",
    hidesRefunds: true,
    logsTransfers: true,
    write: (trace, golden) => {
      eachStep(trace, (step) => {
        delete step.refund;
        step["memory"] = memoryOf(step, "0x0");
        if (step.op === "REVERT") step["reason"] = "";
      });
      const { gas, failed, returnValue } = trace;
      return {
        gas,
        failed,
        returnValue: bare(returnValue),
        structLogs: besuLogs(trace, golden),
      };
    },
  },
  {
    name: "besu 25: errors as arrays, storage on many steps, SHA3",
    clientVersion: "besu/v25.2.0/linux-x86_64/openjdk-java-21",
    like: "geth",
    hidesRefunds: true,
    logsTransfers: true,
    write: (trace, golden) => {
      eachStep(trace, (step) => {
        delete step.refund;
        step["storage"] = { [zeroWord]: zeroWord };
        if (step.error !== undefined) step.error = [step.error];
        if (step.op === "KECCAK256") step.op = "SHA3";
      });
      const { gas, failed, returnValue } = trace;
      return {
        gas,
        failed,
        returnValue: bare(returnValue),
        structLogs: besuLogs(trace, golden),
      };
    },
  },
];

const rethEras: readonly ClientEra[] = [
  {
    name: "reth: as anvil, but for the gas of the block; return data on every step",
    clientVersion: "reth/v1.9.3-27a8c0f/x86_64-unknown-linux-gnu",
    like: "anvil",
    write: (trace, { receipt }) => {
      eachStep(trace, (step) => {
        step["returnData"] = "0x";
      });
      const { failed, returnValue, structLogs } = trace;
      return { failed, gas: Number(receipt.gasUsed), returnValue, structLogs };
    },
  },
];

/** A name that nobody knows, with geth's form. */
const unknownEras: readonly ClientEra[] = [
  {
    name: "a client of unknown name",
    clientVersion: "ethrex/v7.0.0-main-abcdef/x86_64-unknown-linux-gnu/rustc-v1.90.0",
    like: "geth",
    write: (trace) => trace,
  },
];

export const clientEras: readonly ClientEra[] = [
  ...gethEras,
  ...erigonEras,
  ...nethermindEras,
  ...besuEras,
  ...rethEras,
  ...unknownEras,
];
