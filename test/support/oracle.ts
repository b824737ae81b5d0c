import { hexToBigInt, serializeTransaction, type TransactionSerializable } from "viem";
import type { RpcBlock, RpcReceipt, RpcTransaction } from "../../src/domain/chain.ts";
import type { Fork } from "../../src/domain/fork.ts";

/**
 * A slow and obvious second implementation of the rows that src/trace derives: the whole trace as objects, rules
 * read one by one from the specification, quadratic where that is simpler. It shares no code with src/trace.
 */
export type OracleInput = {
  readonly block: RpcBlock;
  readonly transaction: RpcTransaction;
  readonly receipt: RpcReceipt;
  /** The node's JSON text of the struct logger's result, with stacks. */
  readonly trace: string;
  /** The node's JSON text of the callTracer's result. */
  readonly callTrace: string;
  readonly fork: Fork;
};

/** Keys are columns of schema.md; whole numbers above 2^53 are decimal strings; `error` tells whether there is one. */
export type OracleStructlogRow = {
  readonly block_number: number;
  readonly block_hash: string;
  readonly transaction_hash: string;
  readonly transaction_index: number;
  readonly transaction_gas: number;
  readonly transaction_failed: boolean;
  readonly transaction_return_value: string | null;
  readonly index: number;
  readonly pc: number;
  readonly operation: string;
  readonly gas: number;
  readonly gas_cost: number;
  readonly gas_used: number;
  readonly gas_self: number;
  readonly depth: number;
  readonly return_data: null;
  readonly refund: number | string | null;
  readonly error: boolean;
  readonly call_to_address: string | null;
  readonly call_frame_id: number;
  readonly call_frame_path: readonly number[];
};

export type Log = {
  readonly pc: number;
  readonly op: string;
  readonly gas: number;
  readonly gasCost: number;
  readonly depth: number;
  readonly stack: readonly string[];
  readonly refund?: number | string;
  readonly error?: string;
};
export type Trace = {
  readonly failed: boolean;
  readonly returnValue: string;
  readonly structLogs: readonly Log[];
};

const forkOrder: readonly Fork[] = [
  ...(["frontier", "homestead", "tangerine", "spurious", "byzantium", "constantinople"] as const),
  ...(["petersburg", "istanbul", "berlin", "london", "paris", "shanghai", "cancun"] as const),
  ...(["prague", "osaka", "amsterdam"] as const),
];
export const isFrom = (fork: Fork, since: Fork) =>
  forkOrder.indexOf(fork) >= forkOrder.indexOf(since);

export const callNames = ["CALL", "CALLCODE", "DELEGATECALL", "STATICCALL"];
export const createNames = ["CREATE", "CREATE2"];
const cleanEnds = ["STOP", "RETURN", "REVERT", "SELFDESTRUCT"];

/** The rows of `execution_structlog` of one transaction, in the order of (index, call_frame_id). */
export function oracleStructlogRows(input: OracleInput): OracleStructlogRow[] {
  const trace = parseKeepingBigNumbers(input.trace);
  const logs = trace.structLogs;
  const facts = new Facts(logs, trace.failed, input.fork);
  const frames = numberFrames(logs, facts);
  const constants = {
    block_number: Number(input.block.number),
    block_hash: input.block.hash.toLowerCase(),
    transaction_hash: input.transaction.hash.toLowerCase(),
    transaction_index: Number(input.transaction.transactionIndex),
    transaction_gas: Number(input.receipt.gasUsed),
    transaction_failed: trace.failed,
    transaction_return_value: returnValue(trace.returnValue),
    return_data: null,
  };
  return logs.flatMap((log, i): OracleStructlogRow[] => {
    const path = frames.pathOf[i] ?? [];
    const row: OracleStructlogRow = {
      ...constants,
      index: i,
      pc: log.pc,
      operation: operationName(log.op, input.fork),
      gas: log.gas,
      gas_cost: Math.min(log.gasCost, log.gas),
      gas_used: facts.gasUsed(i),
      gas_self: facts.gasSelf(i),
      depth: log.depth,
      refund: log.refund ?? 0,
      error: facts.hasError(i),
      call_to_address: facts.callTo(i),
      call_frame_id: path.at(-1) ?? 0,
      call_frame_path: path,
    };
    const synthetic = frames.syntheticOf[i];
    if (synthetic === undefined) return [row];
    return [
      row,
      {
        ...row,
        operation: "",
        gas: 0,
        gas_cost: 0,
        gas_used: 0,
        gas_self: 0,
        depth: log.depth + 1,
        refund: null,
        error: false,
        call_frame_id: synthetic,
        call_frame_path: [...path, synthetic],
      },
    ];
  });
}

/** What can be asked about each step of one trace. */
export class Facts {
  private readonly logs: readonly Log[];
  private readonly failed: boolean;
  private readonly fork: Fork;

  constructor(logs: readonly Log[], failed: boolean, fork: Fork) {
    this.logs = logs;
    this.failed = failed;
    this.fork = fork;
  }

  log(i: number): Log {
    const log = this.logs[i];
    if (log === undefined) throw new RangeError(`no step ${i}`);
    return log;
  }

  isLastOfFrame(i: number): boolean {
    const next = this.logs[i + 1];
    return next === undefined || next.depth < this.log(i).depth;
  }

  /** The next step of the same frame; null for the last one. */
  nextInFrame(i: number): number | null {
    for (let j = i + 1; j < this.logs.length; j++) {
      if (this.log(j).depth < this.log(i).depth) return null;
      if (this.log(j).depth === this.log(i).depth) return j;
    }
    return null;
  }

  /** Whether the frame that ends with step i succeeded. */
  frameSucceeded(last: number): boolean {
    const after = this.logs[last + 1];
    return after === undefined ? !this.failed : top(after) !== 0n;
  }

  /** Whether the frame ended here with all its gas gone (D6). */
  burns(i: number): boolean {
    if (!this.isLastOfFrame(i)) return false;
    const log = this.log(i);
    if (!cleanEnds.includes(log.op) || log.error || log.gasCost > log.gas) return true;
    if (log.op === "REVERT") return !isFrom(this.fork, "byzantium");
    return !this.frameSucceeded(i);
  }

  hasError(i: number): boolean {
    // A RETURN whose code could not be deposited burns its gas, but the step itself did not halt.
    return Boolean(this.log(i).error) || (this.burns(i) && !this.depositFailed(i));
  }

  depositFailed(i: number): boolean {
    const { op, error, gasCost, gas } = this.log(i);
    return op === "RETURN" && !error && gasCost <= gas;
  }

  gasUsed(i: number): number {
    const log = this.log(i);
    if (this.burns(i)) return log.gas;
    const next = this.nextInFrame(i);
    // A counter that rises (gas rules of no known fork) has no difference to take: section 2.1.
    const hasDifference = next !== null && this.log(next).gas <= log.gas;
    return hasDifference ? log.gas - this.log(next).gas : Math.min(log.gasCost, log.gas);
  }

  gasSelf(i: number): number {
    const log = this.log(i);
    const isCall = [...callNames, ...createNames].includes(log.op);
    let self = this.gasUsed(i);
    if (!isCall) return self;
    for (let j = i + 1; j < this.logs.length; j++) {
      if (this.log(j).depth <= log.depth) break;
      if (this.log(j).depth === log.depth + 1) self -= this.gasUsed(j);
    }
    return Math.max(0, self);
  }

  callTo(i: number): string | null {
    const { op, stack } = this.log(i);
    if (callNames.includes(op)) return stack.length < 2 ? null : address(stack.at(-2) ?? "0x");
    if (!createNames.includes(op)) return null;
    const next = this.nextInFrame(i);
    return next === null ? null : address(this.log(next).stack.at(-1) ?? "0x");
  }

  /** Whether a call or creation without steps has a frame of its own all the same (D9-D11). */
  hasEmptyFrame(i: number): boolean {
    const log = this.log(i);
    const next = this.logs[i + 1];
    if (next === undefined || next.depth !== log.depth) return false;
    if (createNames.includes(log.op)) return top(next) !== 0n;
    if (!callNames.includes(log.op)) return false;
    if (top(next) !== 0n) return true;
    return this.isPrecompile(this.callTo(i)) && next.gas === log.gas - log.gasCost;
  }

  isPrecompile(to: string | null): boolean {
    const called = BigInt(to ?? "0x0");
    const since: readonly (readonly [bigint, bigint, Fork])[] = [
      [0x01n, 0x04n, "frontier"],
      [0x05n, 0x08n, "byzantium"],
      [0x09n, 0x09n, "istanbul"],
      [0x0an, 0x0an, "cancun"],
      [0x0bn, 0x11n, "prague"],
      [0x100n, 0x100n, "osaka"],
    ];
    return since.some(
      ([from, upTo, fork]) => called >= from && called <= upTo && isFrom(this.fork, fork),
    );
  }
}

export type Numbering = {
  readonly pathOf: readonly (readonly number[])[];
  /** Step -> id of the frame that has no steps. */
  readonly syntheticOf: Readonly<Record<number, number>>;
};

export function numberFrames(logs: readonly Log[], facts: Facts): Numbering {
  const pathOf: (readonly number[])[] = [];
  const syntheticOf: Record<number, number> = {};
  let path: readonly number[] = [0];
  let nextId = 1;
  for (const [i, log] of logs.entries()) {
    if (log.depth > path.length) path = [...path, nextId++];
    else path = path.slice(0, log.depth);
    pathOf.push(path);
    if (facts.hasEmptyFrame(i)) syntheticOf[i] = nextId++;
  }
  return { pathOf, syntheticOf };
}

function top(log: Log): bigint {
  return BigInt(log.stack.at(-1) ?? "0x0");
}

function address(word: string): string {
  return `0x${word.slice(2).toLowerCase().padStart(40, "0").slice(-40)}`;
}

function returnValue(text: string): string | null {
  const digits = text.replace(/^0x/, "").toLowerCase();
  return digits === "" ? null : `0x${digits}`;
}

export function operationName(op: string, fork: Fork): string {
  if (op.endsWith("not defined") || op === "Unknown") return "UNDEFINED";
  if (op === "SHA3") return "KECCAK256";
  if (op === "SUICIDE") return "SELFDESTRUCT";
  if (op === "DIFFICULTY" || op === "PREVRANDAO" || op === "RANDOM") {
    return isFrom(fork, "paris") ? "PREVRANDAO" : "DIFFICULTY";
  }
  return op;
}

/** JSON.parse, but whole numbers above 2^53 become decimal strings. */
export function parseKeepingBigNumbers(text: string): Trace {
  return JSON.parse(text.replace(/:\s*(\d{16,})(?=\s*[,}])/g, ':"$1"'), (key, value: unknown) => {
    const isSmall = typeof value === "string" && /^\d{16,}$/.test(value) && key === "refund";
    return isSmall && BigInt(value) <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  });
}

/** Keys are columns of schema.md; whole numbers above 2^53 are decimal strings. */
export type OracleTransactionRow = Readonly<Record<string, unknown>>;

/** The row of `execution_transaction` of one transaction. */
export function oracleTransactionRows(
  input: Omit<OracleInput, "callTrace">,
): OracleTransactionRow[] {
  const { block, transaction: tx, receipt } = input;
  const trace: Trace = JSON.parse(input.trace);
  const type = Number(tx.type ?? "0x0");
  const data = Buffer.from(tx.input.slice(2), "hex");
  const zeros = data.filter((byte) => byte === 0).length;
  const blobs = type === 3 ? (tx.blobVersionedHashes ?? []) : [];
  return [
    {
      block_number: Number(block.number),
      block_hash: block.hash,
      parent_hash: block.parentHash,
      position: Number(tx.transactionIndex),
      hash: tx.hash,
      from: tx.from.toLowerCase(),
      to: tx.to?.toLowerCase() ?? null,
      nonce: Number(tx.nonce),
      gas_price: number(paidPrice(tx, block, type)),
      gas: Number(tx.gas),
      gas_tip_cap: type >= 2 ? number(tx.maxPriorityFeePerGas) : null,
      gas_fee_cap: type >= 2 ? number(tx.maxFeePerGas) : null,
      value: number(tx.value),
      type,
      size: encodedSize(tx, type),
      call_data_size: data.length,
      blob_gas: type === 3 ? 131_072 * blobs.length : null,
      blob_gas_fee_cap: type === 3 ? number(tx.maxFeePerBlobGas) : null,
      blob_hashes: blobs,
      success: receipt.status ? receipt.status === "0x1" : !trace.failed,
      n_input_bytes: data.length,
      n_input_zero_bytes: zeros,
      n_input_nonzero_bytes: data.length - zeros,
      gas_used: Number(receipt.gasUsed),
      structlog_count: trace.structLogs.length,
      contract_address: receipt.contractAddress?.toLowerCase() ?? null,
    },
  ];
}

function paidPrice(tx: RpcTransaction, block: RpcBlock, type: number): bigint {
  if (type < 2 || !block.baseFeePerGas) return BigInt(tx.gasPrice ?? 0);
  const bid = BigInt(block.baseFeePerGas) + BigInt(tx.maxPriorityFeePerGas ?? 0);
  const cap = BigInt(tx.maxFeePerGas ?? 0);
  return bid < cap ? bid : cap;
}

function number(value: bigint | string | null | undefined): number | string | null {
  if (value === null || value === undefined) return null;
  const exact = BigInt(value);
  return exact > BigInt(Number.MAX_SAFE_INTEGER) ? exact.toString() : Number(exact);
}

/** viem encodes the transaction, so the size does not rest on our own encoder. */
function encodedSize(tx: RpcTransaction, type: number): number {
  const yParity = Number(tx.yParity ?? tx.v ?? "0x0");
  const signature =
    type === 0
      ? { r: tx.r, s: tx.s, v: hexToBigInt(tx.v ?? "0x0") }
      : { r: tx.r, s: tx.s, yParity };
  const common = {
    nonce: Number(tx.nonce),
    gas: BigInt(tx.gas),
    value: BigInt(tx.value),
    data: tx.input,
    chainId: Number(tx.chainId ?? 0),
    ...(tx.to ? { to: tx.to } : {}),
  };
  const accessList = tx.accessList ?? [];
  const fees = {
    accessList,
    maxFeePerGas: BigInt(tx.maxFeePerGas ?? 0),
    maxPriorityFeePerGas: BigInt(tx.maxPriorityFeePerGas ?? 0),
  };
  const byType: readonly TransactionSerializable[] = [
    { ...common, type: "legacy", gasPrice: BigInt(tx.gasPrice ?? 0) },
    { ...common, type: "eip2930", accessList, gasPrice: BigInt(tx.gasPrice ?? 0) },
    { ...common, ...fees, type: "eip1559" },
    {
      ...common,
      ...fees,
      type: "eip4844",
      to: tx.to ?? "0x",
      maxFeePerBlobGas: BigInt(tx.maxFeePerBlobGas ?? 0),
      blobVersionedHashes: [...(tx.blobVersionedHashes ?? [])],
    },
    {
      ...common,
      ...fees,
      type: "eip7702",
      authorizationList: (tx.authorizationList ?? []).map((authorization) => ({
        address: authorization.address,
        chainId: Number(authorization.chainId),
        nonce: Number(authorization.nonce),
        r: authorization.r,
        s: authorization.s,
        yParity: Number(authorization.yParity ?? authorization.v ?? "0x0"),
      })),
    },
  ];
  const serializable = byType[type];
  if (serializable === undefined) throw new RangeError(`no transaction of type ${type}`);
  const encoded = serializeTransaction(serializable, signature);
  return (encoded.length - 2) / 2;
}
