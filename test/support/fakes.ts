import type { TraceEngine } from "../../src/activities/index-blocks/trace-engine.ts";
import type {
  Attempt,
  Coverage,
  CoverageStatus,
  Dependencies,
  ExecutionNode,
  ExpectedRange,
  GapQuery,
  Gaps,
  Ledger,
  LedgerQuery,
  Meters,
  Network,
  NetworkStore,
  RangeStore,
  RowStore,
  RowWriter,
  TraceOptions,
} from "../../src/activities/ports.ts";
import { type BlockRange, mergeRanges, subtractRanges } from "../../src/domain/block-range.ts";
import type { BlockRef, HeadPolicy, Hex, RpcBlock, RpcReceipt } from "../../src/domain/chain.ts";
import type { LedgerRow } from "../../src/domain/ledger.ts";
import { winsOver } from "../../src/domain/ledger-transition.ts";
import { type DataTable, dataTables, type Processor } from "../../src/domain/processor.ts";
import {
  BlockFailedError,
  NodeUnavailableError,
  StorageUnavailableError,
} from "../../src/errors.ts";
import type { StructlogAggColumns } from "../../src/trace/structlog-agg-columns.ts";
import {
  createStructlogColumns,
  type StructlogColumns,
} from "../../src/trace/structlog-columns.ts";
import type { TransactionRow } from "../../src/trace/transaction-rows.ts";

const zeros: Hex = `0x${"0".repeat(64)}`;

export type FakeBlock = {
  readonly ref: BlockRef;
  readonly transactions: number;
  /** Rows of the whole block. */
  readonly steps: number;
};
export type BlockShape = { readonly transactions?: number; readonly steps?: number };

/** What goes wrong with one block's trace. */
export type TraceFault = "cut" | "malformed" | "short" | "hang" | "kill-node" | "bug" | "refused";

/** A node with a chain of invented blocks: traces are one byte a step, so that the fake engine can count them. */
export class FakeNode implements ExecutionNode {
  readonly name = "fake";
  chain: FakeBlock[] = [];
  finalized: number | null = null;
  isDown = false;
  readonly traceFaults = new Map<number, TraceFault>();
  readonly traced: number[] = [];
  chunkBytes = 1000;
  gasPerStep = 1000;
  /** Runs before each chunk of steps; may wait. */
  beforeChunk: (blockNumber: number) => void | Promise<void> = () => {};
  /** Parent hashes that the node claims of a block, as long as they stand here. */
  readonly claimedParents = new Map<number, Hex>();
  /** Traces of steps under way, and the most there ever were. */
  tracesInFlight = 0;
  mostTracesInFlight = 0;
  /** Runs before refs are answered: the moment between data and ledger. */
  beforeRefs: () => void = () => {};
  /** Runs after a head was read and before it is answered. */
  afterHead: () => void = () => {};
  /** Answers another head than the chain's, as a replica that is behind does. */
  headOverride: number | null = null;
  #branch = 0;

  mine(count: number, shape: BlockShape = {}): this {
    for (let i = 0; i < count; i += 1) {
      const number = this.chain.length;
      const hash = fakeHash(number, this.#branch);
      const parentHash = this.chain.at(-1)?.ref.hash ?? zeros;
      this.chain.push({
        ref: { number, hash, parentHash },
        transactions: number === 0 ? 0 : (shape.transactions ?? 1),
        steps: number === 0 ? 0 : (shape.steps ?? 10),
      });
    }
    return this;
  }

  /** Drops the newest `depth` blocks and mines `count` on a new branch. */
  reorg(depth: number, count: number, shape: BlockShape = {}): this {
    this.chain.splice(this.chain.length - depth);
    this.#branch += 1;
    return this.mine(count, shape);
  }

  at(blockNumber: number): FakeBlock {
    const block = this.chain[blockNumber];
    if (!block) throw new Error(`the fake chain has no block ${blockNumber}`);
    return block;
  }

  async clientVersion(): Promise<string> {
    this.#answer("web3_clientVersion");
    return "fake/1.0";
  }
  async chainId(): Promise<number> {
    return 31337;
  }
  async head(policy: HeadPolicy): Promise<BlockRef | null> {
    this.#answer("eth_getBlockByNumber");
    if (policy === "finalized") {
      return this.finalized === null ? null : (this.chain[this.finalized]?.ref ?? null);
    }
    const head = this.headOverride === null ? this.chain.at(-1) : this.chain[this.headOverride];
    this.afterHead();
    return head?.ref ?? null;
  }
  async blockByNumber(blockNumber: number): Promise<RpcBlock | null> {
    this.#answer("eth_getBlockByNumber");
    const block = this.chain[blockNumber];
    if (!block) return null;
    const parentHash = this.claimedParents.get(blockNumber) ?? block.ref.parentHash;
    return { ...toRpcBlock(block, this.gasPerStep), parentHash };
  }
  async blockByHash(blockHash: Hex): Promise<RpcBlock | null> {
    const block = this.#byHash(blockHash);
    return block ? toRpcBlock(block, this.gasPerStep) : null;
  }
  async blockRefs(blockNumbers: readonly number[]): Promise<BlockRef[]> {
    this.#answer("eth_getBlockByNumber");
    this.beforeRefs();
    return blockNumbers.flatMap((number) => this.chain[number]?.ref ?? []);
  }
  async receipts(): Promise<RpcReceipt[]> {
    this.#answer("eth_getBlockReceipts");
    return [];
  }
  async *traceCalls(blockHash: Hex): AsyncIterable<Uint8Array> {
    this.#answer("debug_traceBlockByHash");
    yield new Uint8Array(this.#byHash(blockHash)?.transactions ?? 0);
  }
  async *traceSteps(blockHash: Hex, { signal }: TraceOptions): AsyncIterable<Uint8Array> {
    const block = this.#byHash(blockHash);
    if (!block) throw new FakeTraceRejected("trace_refused", "block not found");
    const { number } = block.ref;
    this.traced.push(number);
    const fault = this.traceFaults.get(number);
    const steps = fault === "short" ? block.steps - 1 : block.steps;
    this.tracesInFlight += 1;
    this.mostTracesInFlight = Math.max(this.mostTracesInFlight, this.tracesInFlight);
    try {
      for (let sent = 0; sent < steps; sent += this.chunkBytes) {
        await this.beforeChunk(number);
        this.#answer("debug_traceBlockByHash");
        await this.#fail(fault, signal);
        yield new Uint8Array(Math.min(this.chunkBytes, steps - sent)).fill(1);
      }
    } finally {
      this.tracesInFlight -= 1;
    }
  }
  async gasUsed(newestBlock: number, blockCount: number): Promise<number[] | null> {
    return Array.from(
      { length: blockCount },
      (_, i) => (this.chain[newestBlock - blockCount + 1 + i]?.steps ?? 0) * this.gasPerStep,
    );
  }
  async isHealthy(): Promise<boolean> {
    return !this.isDown;
  }

  async #fail(fault: TraceFault | undefined, signal: AbortSignal | undefined): Promise<void> {
    if (fault === "bug") throw new TypeError("a bug of ours");
    if (fault === "cut") {
      throw new BlockFailedError({
        kind: "trace_cut",
        blockNumber: 0,
        reason: "the stream was cut",
      });
    }
    if (fault === "malformed") throw new FakeTraceRejected("trace_malformed", "no JSON");
    if (fault === "refused") throw new FakeTraceRejected("trace_refused", "execution reverted");
    if (fault === "kill-node") {
      this.isDown = true;
      throw nodeAway("debug_traceBlockByHash", "ECONNRESET");
    }
    if (fault === "hang") {
      await new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(new Error("aborted")));
      });
    }
  }
  #answer(method: string): void {
    if (this.isDown) throw nodeAway(method, "ECONNREFUSED");
  }
  #byHash(hash: Hex): FakeBlock | undefined {
    return this.chain.find(({ ref }) => ref.hash === hash);
  }
}

function nodeAway(method: string, reason: string): NodeUnavailableError {
  return new NodeUnavailableError({ node: "fake", method, reason });
}

function fakeHash(number: number, branch: number): Hex {
  return `0x${branch.toString(16).padStart(8, "0")}${number.toString(16).padStart(56, "0")}`;
}

function toRpcBlock({ ref, transactions, steps }: FakeBlock, gasPerStep: number): RpcBlock {
  const zero = "0x0" as const;
  const filler = {
    sha3Uncles: zeros,
    miner: zero,
    stateRoot: zeros,
    transactionsRoot: zeros,
    receiptsRoot: zeros,
    logsBloom: zero,
    difficulty: zero,
    gasLimit: zero,
    timestamp: zero,
  };
  const transaction = {
    hash: zeros,
    nonce: zero,
    from: zero,
    to: zero,
    value: zero,
    gas: zero,
    input: zero,
    r: zero,
    s: zero,
    transactionIndex: zero,
  };
  return {
    ...filler,
    hash: ref.hash,
    parentHash: ref.parentHash,
    number: `0x${ref.number.toString(16)}`,
    gasUsed: `0x${(steps * gasPerStep).toString(16)}`,
    // What the fake engine holds the trace to.
    extraData: `0x${steps.toString(16)}`,
    transactions: Array.from({ length: transactions }, () => transaction),
  };
}

class FakeTraceRejected extends Error {
  override readonly name = "TraceRejected";
  readonly kind: string;
  readonly check = "fake";
  constructor(kind: string, message: string) {
    super(message);
    this.kind = kind;
  }
}

const emptyTransaction = {
  position: 0,
  hash: zeros,
  from: "0x",
  to: null,
  nonce: 0n,
  gas_price: 0n,
  gas: 0n,
  gas_tip_cap: null,
  gas_fee_cap: null,
  value: 0n,
  type: 0,
  size: 0,
  call_data_size: 0,
  blob_gas: null,
  blob_gas_fee_cap: null,
  blob_hashes: [],
  success: true,
  n_input_bytes: 0,
  n_input_zero_bytes: 0,
  n_input_nonzero_bytes: 0,
  gas_used: 0n,
  structlog_count: 0,
  contract_address: null,
} as const satisfies TransactionRow;

/** One row a byte; proven when the bytes are as many as the block says. */
export const fakeEngine: TraceEngine = {
  createBlockTrace({ block, processors = ["structlog"] }) {
    const columns = createStructlogColumns();
    const rowsPerByte = processors.includes("structlog") ? 1 : 0;
    const expected = Number(block.extraData);
    let rows = 0;
    return {
      columns,
      scanCalls() {},
      endCalls() {},
      scanSteps(chunk) {
        columns.length += chunk.length * rowsPerByte;
        rows += chunk.length;
      },
      endSteps() {
        if (rows !== expected) throw new FakeTraceRejected("proof_mismatch", "a step is missing");
        return {
          proof: "proven",
          detail: { checked: ["steps"], unverified: [] },
          structlogCount: rows,
          structlogCounts: [rows],
          structlogRows: rows,
          failedByTrace: [],
        };
      },
    };
  },
  clearStructlogColumns(columns) {
    columns.length = 0;
  },
  clearStructlogAggColumns(columns) {
    columns.length = 0;
  },
  async verifyBlockRoots() {
    return { checked: ["roots"], unverified: [] };
  },
  toTransactionRows({ block }) {
    return block.transactions.map((_, position) => ({ ...emptyTransaction, position }));
  },
};

/** Everything that was made durable, in order: what shows that data goes before the ledger. */
export type StorageEvent =
  | {
      readonly kind: "insert";
      readonly table: DataTable;
      readonly rows: number;
      readonly attempts: number;
    }
  | { readonly kind: "ledger"; readonly rows: readonly LedgerRow[] };

type WaitingRows = { readonly table: DataTable; readonly attempt: Attempt; readonly rows: number };

class FakeWriter implements RowWriter {
  readonly #insert: (batch: readonly WaitingRows[]) => Promise<void>;
  #waiting: WaitingRows[] = [];
  #isFlushing = false;

  constructor(insert: (batch: readonly WaitingRows[]) => Promise<void>) {
    this.#insert = insert;
  }
  addStructlogs(attempt: Attempt, columns: StructlogColumns): void {
    this.#demandQuiet();
    this.#waiting.push({ table: "execution_structlog", attempt, rows: columns.length });
  }
  addStructlogAggs(attempt: Attempt, columns: StructlogAggColumns): void {
    this.#demandQuiet();
    this.#waiting.push({ table: "execution_structlog_agg", attempt, rows: columns.length });
  }
  addTransactions(attempt: Attempt, rows: readonly TransactionRow[]): void {
    this.#demandQuiet();
    this.#waiting.push({ table: "execution_transaction", attempt, rows: rows.length });
  }
  get pending() {
    const rows = this.#waiting.reduce((sum, one) => sum + one.rows, 0);
    return { rows, bytes: rows * 100 };
  }
  async flush(): Promise<void> {
    this.#demandQuiet();
    this.#isFlushing = true;
    const batch = this.#waiting;
    this.#waiting = [];
    await this.#insert(batch);
    this.#isFlushing = false;
  }
  /** The real writer is not safe for two at once. */
  #demandQuiet(): void {
    if (this.#isFlushing) throw new Error("the writer is used while it flushes");
  }
}

export class FakeRows implements RowStore {
  readonly stored = new Map<DataTable, Map<string, number>>();
  readonly events: StorageEvent[];
  isDown = false;
  /** Rows of an attempt that get lost between us and the disk. */
  losses: (attempt: Attempt) => number = () => 0;
  /** Runs before each insert; may wait. */
  beforeInsert: () => void | Promise<void> = () => {};

  constructor(events: StorageEvent[] = []) {
    this.events = events;
  }

  createWriter(): RowWriter {
    return new FakeWriter(async (batch) => {
      await this.beforeInsert();
      this.#insert(batch);
    });
  }

  async countRows(table: DataTable, attempts: readonly Attempt[]) {
    this.#answer();
    demandShortList(attempts);
    const counts = this.stored.get(table) ?? new Map<string, number>();
    return new Map(
      attempts.flatMap(({ attemptId }) => {
        const count = counts.get(attemptId);
        return count === undefined ? [] : [[attemptId, count] as const];
      }),
    );
  }

  count(table: DataTable, attemptId: string): number {
    return this.stored.get(table)?.get(attemptId) ?? 0;
  }

  #insert(batch: readonly WaitingRows[]): void {
    this.#answer();
    for (const table of Object.values(dataTables)) {
      const mine = batch.filter((one) => one.table === table);
      if (mine.length === 0) continue;
      const counts = this.stored.get(table) ?? new Map<string, number>();
      this.stored.set(table, counts);
      for (const { attempt, rows } of mine) {
        counts.set(attempt.attemptId, (counts.get(attempt.attemptId) ?? 0) + rows);
      }
      for (const attempt of new Set(mine.map((one) => one.attempt))) {
        const kept = (counts.get(attempt.attemptId) ?? 0) - this.losses(attempt);
        counts.set(attempt.attemptId, kept);
      }
      const rows = mine.reduce((sum, one) => sum + one.rows, 0);
      this.events.push({
        kind: "insert",
        table,
        rows,
        attempts: new Set(mine.map((one) => one.attempt)).size,
      });
    }
  }
  #answer(): void {
    if (this.isDown) throw new StorageUnavailableError({ reason: "ECONNREFUSED" });
  }
}

export class FakeRanges implements RangeStore {
  readonly rows = new Map<string, ExpectedRange>();
  async write(ranges: readonly ExpectedRange[]): Promise<void> {
    for (const range of ranges) this.rows.set(`${range.processor}/${range.workflowId}`, range);
  }
  async read(network: string): Promise<ExpectedRange[]> {
    return [...this.rows.values()].filter((range) => range.network === network);
  }
}

/** The ledger with the winner rules of the real one: highest version, of equals the later. */
export class FakeLedger implements Ledger {
  readonly events: StorageEvent[];
  readonly versions: (LedgerRow & { readonly updatedAt: string })[] = [];
  readonly #ranges: FakeRanges;
  isDown = false;
  /** Runs before each insert; may wait. */
  beforeWrite: () => void | Promise<void> = () => {};
  readonly #decisions = new Set<string>();

  constructor(ranges: FakeRanges = new FakeRanges(), events: StorageEvent[] = []) {
    this.#ranges = ranges;
    this.events = events;
  }

  /** The row that shows; undefined if none does. */
  winner(blockNumber: number, processor: Processor = "structlog"): LedgerRow | undefined {
    let winner: LedgerRow | undefined;
    for (const row of this.versions) {
      if (row.blockNumber !== blockNumber || row.processor !== processor) continue;
      if (winsOver(row, winner)) winner = row;
    }
    return winner;
  }

  async read({ network, processors, range }: LedgerQuery): Promise<LedgerRow[]> {
    this.#answer();
    return this.#winners(network).filter(
      (row) =>
        processors.includes(row.processor) &&
        row.blockNumber >= range.fromBlock &&
        row.blockNumber <= range.toBlock,
    );
  }
  async readBlocks(network: string, processors: readonly Processor[], numbers: readonly number[]) {
    this.#answer();
    demandShortList(numbers);
    return this.#winners(network).filter(
      (row) => processors.includes(row.processor) && numbers.includes(row.blockNumber),
    );
  }
  async hashesAbove(network: string, aboveBlock: number, limit: number): Promise<BlockRef[]> {
    const refs = new Map<string, BlockRef>();
    for (const { status, blockNumber, blockHash, parentHash } of this.#winners(network)) {
      if (status !== "complete" || blockNumber <= aboveBlock) continue;
      refs.set(`${blockNumber}/${blockHash}`, { number: blockNumber, hash: blockHash, parentHash });
    }
    return [...refs.values()].toSorted((a, b) => b.number - a.number).slice(0, limit);
  }
  async hashesIn(network: string, range: BlockRange, limit: number): Promise<BlockRef[]> {
    const refs = await this.hashesAbove(network, range.fromBlock - 1, Number.POSITIVE_INFINITY);
    const inRange = refs.filter(({ number }) => number <= range.toBlock);
    return inRange.toReversed().slice(0, limit);
  }
  async completedVersions(network: string, blocks: readonly BlockRef[]): Promise<LedgerRow[]> {
    this.#answer();
    demandShortList(blocks);
    return this.versions
      .filter(
        (row) =>
          row.network === network &&
          row.status === "complete" &&
          blocks.some(({ number, hash }) => number === row.blockNumber && hash === row.blockHash),
      )
      .toReversed();
  }
  async write(rows: readonly LedgerRow[], _signal?: AbortSignal, decision?: string): Promise<void> {
    await this.beforeWrite();
    this.#answer();
    if (decision !== undefined) {
      if (this.#decisions.has(decision)) return;
      this.#decisions.add(decision);
    }
    const updatedAt = new Date().toISOString();
    this.versions.push(...rows.map((row) => ({ ...row, updatedAt })));
    this.events.push({ kind: "ledger", rows });
  }
  async findGaps(query: GapQuery): Promise<Gaps> {
    const rows = this.#winners(query.network).filter((row) =>
      query.processors.includes(row.processor),
    );
    const standing = rows.filter(({ status }) => status !== "retracted");
    const expected = await this.#close(query.network, query.expected);
    const taken = standing.map(({ blockNumber }) => ({
      fromBlock: blockNumber,
      toBlock: blockNumber,
    }));
    const missing = subtractRanges(expected, [...taken, ...query.inHand]);
    const failed = rows.filter(({ status }) => status === "failed");
    const due = failed.filter(
      ({ nextAttemptAt }) => nextAttemptAt !== null && nextAttemptAt <= query.now,
    );
    const later = failed.filter((row) => !due.includes(row)).map((row) => row.nextAttemptAt);
    const complete = new Map(
      rows.filter(({ status }) => status === "complete").map((row) => [row.blockNumber, row]),
    );
    const unchained = [...complete.values()].filter((row) => {
      const below = complete.get(row.blockNumber - 1);
      return below !== undefined && below.blockHash !== row.parentHash;
    });
    return {
      missing: missing.slice(0, query.limit),
      due: numbersOf(due).slice(0, query.limit),
      unchained: numbersOf(unchained).slice(0, query.limit),
      counts: {
        missing: missing.reduce((sum, range) => sum + range.toBlock - range.fromBlock + 1, 0),
        failed: numbersOf(failed).length,
        quarantined: numbersOf(rows.filter(({ status }) => status === "quarantined")).length,
      },
      nextDueAt: later.toSorted((a, b) => String(a).localeCompare(String(b)))[0] ?? null,
      byProcessor: [],
    };
  }
  async findByStatus(query: Parameters<Ledger["findByStatus"]>[0]): Promise<number[]> {
    const { range } = query;
    const rows = this.#winners(query.network).filter(
      (row) =>
        row.status === query.status &&
        query.processors.includes(row.processor) &&
        (query.kind === undefined || row.errorKind === query.kind) &&
        (range === undefined ||
          (row.blockNumber >= range.fromBlock && row.blockNumber <= range.toBlock)),
    );
    return numbersOf(rows)
      .toSorted((a, b) => b - a)
      .slice(0, query.limit);
  }
  async coverage(query: Parameters<Ledger["coverage"]>[0]): Promise<Coverage> {
    const expected = await this.#expected(query.network);
    const blocks: Record<CoverageStatus, number> = {
      proven: 0,
      unverified: 0,
      failed: 0,
      quarantined: 0,
      missing: 0,
    };
    for (const range of expected) {
      for (let number = range.fromBlock; number <= range.toBlock; number += 1) {
        blocks[coverageStatus(this.winner(number, query.processor))] += 1;
      }
    }
    return {
      network: query.network,
      processor: query.processor,
      expected,
      blocks,
      ranges: [],
      transactionCount: 0,
      rowCount: 0,
      miscounted: [],
      duplicates: 0,
      lastRecountAt: null,
    };
  }
  async history(network: string, blockNumber: number) {
    return this.versions.filter(
      (row) => row.network === network && row.blockNumber === blockNumber,
    );
  }

  #winners(network: string): LedgerRow[] {
    const winners = new Map<string, LedgerRow>();
    for (const row of this.versions) {
      if (row.network !== network) continue;
      const key = `${row.processor}/${row.blockNumber}`;
      if (winsOver(row, winners.get(key))) winners.set(key, row);
    }
    return [...winners.values()].toSorted((a, b) => a.blockNumber - b.blockNumber);
  }
  async #expected(network: string): Promise<BlockRange[]> {
    return this.#close(network, await this.#ranges.read(network));
  }
  async #close(network: string, expected: readonly ExpectedRange[]): Promise<BlockRange[]> {
    const highest = (await this.hashesAbove(network, -1, 1))[0]?.number ?? -1;
    const ranges = expected
      .map(({ fromBlock, toBlock }) => ({ fromBlock, toBlock: toBlock ?? highest }))
      .filter(({ fromBlock, toBlock }) => fromBlock <= toBlock);
    return mergeRanges(ranges);
  }
  #answer(): void {
    if (this.isDown) throw new StorageUnavailableError({ reason: "ECONNREFUSED" });
  }
}

/** The real stores send lists in the URL of a request, and ClickHouse takes no more than 128 KiB of each. */
function demandShortList(list: readonly unknown[]): void {
  if (list.length > 1000) throw new Error(`a list of ${list.length} does not fit in one statement`);
}

function coverageStatus(row: LedgerRow | undefined): CoverageStatus {
  if (row === undefined || row.status === "retracted") return "missing";
  return row.status === "complete" ? row.proof : row.status;
}

function numbersOf(rows: readonly LedgerRow[]): number[] {
  return [...new Set(rows.map(({ blockNumber }) => blockNumber))];
}

export class FakeNetworks implements NetworkStore {
  readonly bindings = new Map<string, string>();
  readonly finalized = new Map<string, number>();
  readonly swept = new Map<string, number>();
  async bind({
    network,
    chainId,
    genesisHash,
  }: Parameters<NetworkStore["bind"]>[0]): Promise<void> {
    this.bindings.set(network, `${chainId}/${genesisHash}`);
  }
  async raiseFinalized(network: string, seen: number | null): Promise<number | null> {
    return raiseMark(this.finalized, network, seen);
  }
  async raiseSwept(network: string, blockNumber: number | null): Promise<number | null> {
    return raiseMark(this.swept, network, blockNumber);
  }
}

function raiseMark(marks: Map<string, number>, network: string, to: number | null): number | null {
  const highest = Math.max(marks.get(network) ?? -1, to ?? -1);
  if (highest < 0) return null;
  marks.set(network, highest);
  return highest;
}

const silentMeters: Meters = {
  blocks() {},
  rows() {},
  failures() {},
  headDistance() {},
  gaps() {},
  traceSeconds() {},
  reorg() {},
  finalityContradiction() {},
};

/** A whole small world: one network, its node and its storage. */
export type FakeWorld = {
  readonly node: FakeNode;
  readonly rows: FakeRows;
  readonly ledger: FakeLedger;
  readonly ranges: FakeRanges;
  readonly networks: FakeNetworks;
  readonly openWorkflows: Set<string>;
  readonly dependencies: Dependencies;
  /** All that was made durable, in order. */
  readonly events: StorageEvent[];
  /** Rows that the view of a table shows for a block. */
  readonly shown: (blockNumber: number, processor?: Processor) => number;
};

export function createFakeWorld(network: Partial<Network> = {}): FakeWorld {
  const events: StorageEvent[] = [];
  const node = new FakeNode();
  const rows = new FakeRows(events);
  const ranges = new FakeRanges();
  const ledger = new FakeLedger(ranges, events);
  const networks = new FakeNetworks();
  const openWorkflows = new Set<string>();
  let attempts = 0;
  const theNetwork: Network = {
    name: "net",
    node,
    processors: ["structlog", "transaction"],
    forkAt: () => "osaka",
    headPolicy: "latest",
    finalityDepth: null,
    retryPolicy: { initialDelayMs: 1000, maximumDelayMs: 60_000, maximumAttempts: 12 },
    ...network,
  };
  const dependencies: Dependencies = {
    network: async () => theNetwork,
    rows,
    ledger,
    ranges,
    networks,
    recounts: { recountNext: async () => [] },
    meters: silentMeters,
    ensureGapFill: async (name) => ({ workflowId: `gap-fill/${name}`, started: true }),
    isWorkflowOpen: async (workflowId) => openWorkflows.has(workflowId),
    now: () => new Date(),
    newAttemptId: () => String((attempts += 1)),
  };
  const shown = (blockNumber: number, processor: Processor = "structlog") => {
    const winner = ledger.winner(blockNumber, processor);
    if (winner?.status !== "complete") return 0;
    return rows.count(dataTables[processor], winner.attemptId);
  };
  return { node, rows, ledger, ranges, networks, openWorkflows, dependencies, events, shown };
}
