import type { Processor } from "../../domain/processor.ts";
import type { BlockProof } from "../../trace/block-trace.ts";
import type { Attempt, TraceWay } from "../ports.ts";
import { type Deadline, readUntilAborted, startDeadline } from "./abortable.ts";
import { blockFaultOf } from "./block-fault.ts";
import { checkCodeRuns } from "./check-code-runs.ts";
import type { FetchedBlock } from "./fetch-block.ts";
import type { FailedBlock, Provenance, TracedBlock } from "./outcome.ts";
import type { Tracing } from "./run.ts";

const defaultDeadlineMs = 10 * 60_000;
/** Rows that leave the columns together: enough to encode in bulk, few enough to stay in the cache. */
const handOverRows = 8192;

/** Bytes of a trace seen so far, also where it fails. */
type Traffic = { bytes: number };

/**
 * Traces a fetched block on the node that it came from, under a new attempt, and hands its rows to the writer. Nothing
 * shows before the ledger names the attempt, so it is safe to repeat. @throws whatever is not the block's own fault.
 * @param onStepsBegin - called when steps arrive; may be called again.
 */
export async function traceAttempt(
  run: Tracing,
  fetched: FetchedBlock,
  wanted: readonly Processor[],
  onStepsBegin: () => void = () => {},
): Promise<TracedBlock | FailedBlock> {
  const startedAt = Date.now();
  const deadline = startDeadline(run.signal, run.network.blockDeadlineMs ?? defaultDeadlineMs);
  const traffic: Traffic = { bytes: 0 };
  const way = chooseWay(run, fetched);
  const attempt: Attempt = {
    network: run.network.name,
    blockNumber: fetched.ref.number,
    blockHash: fetched.ref.hash,
    parentHash: fetched.ref.parentHash,
    attemptId: run.dependencies.newAttemptId(),
  };
  try {
    const proof =
      fetched.source.block.transactions.length === 0
        ? proofOfEmptyBlock
        : await streamTrace(run, {
            fetched,
            wanted,
            attempt,
            deadline,
            traffic,
            way,
            onStepsBegin,
          });
    const durationMs = Date.now() - startedAt;
    run.dependencies.meters.traceSeconds(run.network.name, durationMs / 1000);
    return toTracedBlock({
      fetched,
      wanted,
      attempt,
      proof,
      durationMs,
      traceBytes: traffic.bytes,
    });
  } catch (error) {
    const fault = await blockFaultOf(run, error, { deadline, node: fetched.node });
    way?.failed();
    return {
      kind: "failed",
      ...provenanceOf(fetched),
      blockNumber: attempt.blockNumber,
      processors: wanted,
      blockHash: attempt.blockHash,
      parentHash: attempt.parentHash,
      errorKind: fault.kind,
      errorMessage: fault.reason,
      durationMs: Date.now() - startedAt,
      traceBytes: traffic.bytes,
    };
  } finally {
    way?.end();
    deadline.dispose();
  }
}

type Stream = {
  readonly fetched: FetchedBlock;
  readonly wanted: readonly Processor[];
  readonly attempt: Attempt;
  readonly deadline: Deadline;
  readonly traffic: Traffic;
  readonly way: TraceWay | undefined;
  readonly onStepsBegin: () => void;
};

async function streamTrace(run: Tracing, stream: Stream): Promise<BlockProof> {
  const { fetched, wanted, attempt, deadline, traffic, way } = stream;
  const { node } = fetched;
  const options = {
    timeoutMs: run.network.blockDeadlineMs ?? defaultDeadlineMs,
    signal: deadline.signal,
    gasUsed: Number(fetched.source.block.gasUsed),
    way,
  };
  const stacks = way?.stacks ?? needsStacks(run);
  const trace = run.engine.createBlockTrace({ ...fetched.source, processors: wanted, stacks });
  const { columns, aggColumns } = trace;
  const handOver = () => {
    run.pipe.addStructlogs(attempt, columns);
    run.engine.clearStructlogColumns(columns);
    if (aggColumns === undefined) return;
    run.pipe.addStructlogAggs(attempt, aggColumns);
    run.engine.clearStructlogAggColumns(aggColumns);
  };

  const calls = node.traceCalls(attempt.blockHash, options);
  for await (const chunk of readUntilAborted(calls, deadline.signal)) {
    traffic.bytes += chunk.length;
    trace.scanCalls(chunk);
  }
  trace.endCalls();

  const steps = node.traceSteps(attempt.blockHash, { ...options, stacks });
  for await (const chunk of readUntilAborted(steps, deadline.signal)) {
    stream.onStepsBegin();
    traffic.bytes += chunk.length;
    trace.scanSteps(chunk);
    if (columns.length + (aggColumns?.length ?? 0) < handOverRows) continue;
    handOver();
    await run.pipe.relieve();
  }
  const traced = trace.endSteps();
  const codes = await checkCodeRuns(fetched, traced, deadline.signal);
  const proof = { ...traced, detail: joinDetails(traced.detail, codes) };
  way?.proved();
  handOver();
  if (wanted.includes("transaction")) {
    const rows = run.engine.toTransactionRows({ ...fetched.source, ...proof });
    run.pipe.addTransactions(attempt, rows);
  }
  await run.pipe.relieve();
  return proof;
}

/**
 * Only the memory columns of structlog_agg need stacks. Decided by what the network stores and not by what this call
 * wants, so that a requeue of one processor finds the same rows again.
 */
function needsStacks({ network, stacks }: Tracing): boolean {
  return stacks ?? network.processors.includes("structlog_agg");
}

/** Where nobody needs stacks, the node's cheaper way, for the whole attempt; undefined where there is no choice. */
function chooseWay(run: Tracing, { node, source }: FetchedBlock): TraceWay | undefined {
  const { transactions, gasUsed } = source.block;
  if (run.stacks !== undefined || needsStacks(run) || transactions.length === 0) return undefined;
  return node.chooseTraceWay?.({ gasUsed: Number(gasUsed) });
}

/** A block without transactions has nothing to trace; its header and roots are checked all the same. */
const proofOfEmptyBlock: BlockProof = {
  proof: "proven",
  detail: { checked: [], unverified: [] },
  structlogCount: 0,
  structlogCounts: [],
  structlogRows: 0,
  structlogAggRows: 0,
  failedByTrace: [],
};

function toTracedBlock({
  fetched,
  wanted,
  attempt,
  proof,
  durationMs,
  traceBytes,
}: {
  readonly fetched: FetchedBlock;
  readonly wanted: readonly Processor[];
  readonly attempt: Attempt;
  readonly proof: BlockProof;
  readonly durationMs: number;
  readonly traceBytes: number;
}): TracedBlock {
  const { block } = fetched.source;
  const detail = joinDetails(fetched.roots, proof.detail);
  return {
    kind: "traced",
    ...provenanceOf(fetched),
    blockNumber: attempt.blockNumber,
    attempt,
    processors: wanted,
    transactionCount: block.transactions.length,
    structlogCount: proof.structlogCount,
    structlogRows: wanted.includes("structlog") ? proof.structlogRows : 0,
    structlogAggRows: proof.structlogAggRows ?? 0,
    gasUsed: Number(block.gasUsed),
    proof: detail.unverified.length > 0 ? "unverified" : proof.proof,
    proofDetail: JSON.stringify(detail),
    durationMs,
    traceBytes,
  };
}

function joinDetails(one: BlockProof["detail"], other: BlockProof["detail"]): BlockProof["detail"] {
  return {
    checked: [...one.checked, ...other.checked],
    unverified: [...one.unverified, ...other.unverified],
  };
}

function provenanceOf({ node, source }: FetchedBlock): Provenance {
  return { node: node.name, clientVersion: source.clientVersion };
}
