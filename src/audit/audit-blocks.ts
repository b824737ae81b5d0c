import { decoderVersion } from "../activities/index-blocks/decoder-version.ts";
import { retraceBlock } from "../activities/index-blocks/retrace-block.ts";
import type { ExecutionNode, Ledger, Network } from "../activities/ports.ts";
import type { ClickHouse } from "../clickhouse/client.ts";
import { type BlockRange, mergeRanges } from "../domain/block-range.ts";
import { sampleBlocks } from "../domain/block-sample.ts";
import type { LedgerRow } from "../domain/ledger.ts";
import type { Processor } from "../domain/processor.ts";
import { traceEngine } from "../trace/trace-engine.ts";
import { type ComparingRows, compareWithStored, TooDifferent } from "./comparing-rows.ts";
import type { Difference, RowComparison } from "./row-comparison.ts";

export type AuditQuestion = {
  /** Blocks to draw; all complete ones where there are fewer. */
  readonly sample: number;
  readonly seed: number;
  readonly processors: readonly Processor[];
  readonly window?: BlockRange;
};

/** What became of one processor's rows of a block. */
export type AuditedProcessor = {
  readonly processor: Processor;
  readonly row: LedgerRow;
  readonly outcome: "equal" | "differs" | "not_compared";
  readonly rowsCompared: number;
  readonly differenceCount: number;
  /** The first 100. */
  readonly differences: readonly Difference[];
  /** Why it was not compared, or what to know of the differences; else empty. */
  readonly reason: string;
};
export type AuditedBlock = {
  readonly blockNumber: number;
  /** Whose word the new trace is; empty where no node could be asked. */
  readonly node: string;
  readonly clientVersion: string;
  readonly processors: readonly AuditedProcessor[];
};

export type Audit = {
  readonly candidates: number;
  readonly drawn: number;
  /** One block after the other, ascending; each is traced when it is asked for. */
  readonly blocks: AsyncGenerator<AuditedBlock>;
};

type Needs = {
  readonly network: Network;
  readonly clickhouse: ClickHouse;
  readonly ledger: Pick<Ledger, "coverage" | "readBlocks">;
  readonly signal: AbortSignal;
};

/** Draws complete blocks, and compares each with a new trace. Stores nothing. */
export async function auditBlocks(needs: Needs, question: AuditQuestion): Promise<Audit> {
  const complete = await readComplete(needs, question);
  const numbers = sampleBlocks(complete, { size: question.sample, seed: question.seed });
  return {
    candidates: complete.reduce((sum, { fromBlock, toBlock }) => sum + toBlock - fromBlock + 1, 0),
    drawn: numbers.length,
    blocks: auditAll(needs, question, numbers),
  };
}

/** Blocks that are complete for one processor at least. */
async function readComplete(
  { network, ledger }: Needs,
  { processors, window }: AuditQuestion,
): Promise<BlockRange[]> {
  const coverages = await Promise.all(
    processors.map((processor) =>
      ledger.coverage({
        network: network.name,
        processor,
        verify: false,
        ...(window ? { window } : {}),
      }),
    ),
  );
  const complete = coverages
    .flatMap(({ ranges }) => ranges)
    .filter(({ status }) => status === "proven" || status === "unverified");
  return mergeRanges(complete);
}

async function* auditAll(
  needs: Needs,
  { processors }: AuditQuestion,
  numbers: readonly number[],
): AsyncGenerator<AuditedBlock> {
  for (const blockNumber of numbers) {
    needs.signal.throwIfAborted();
    yield await auditBlock(needs, processors, blockNumber);
  }
}

async function auditBlock(
  needs: Needs,
  processors: readonly Processor[],
  blockNumber: number,
): Promise<AuditedBlock> {
  const { network, ledger } = needs;
  const standing = (await ledger.readBlocks(network.name, processors, [blockNumber])).filter(
    ({ status }) => status === "complete",
  );
  const node = (await network.nodes?.choose(blockNumber, new Set())) ?? network.node;
  const clientVersion = await node.clientVersion();
  // A reorg may stand between two processors' rows for a moment: each hash is traced on its own.
  const hashes = [...new Set(standing.map(({ blockHash }) => blockHash))];
  const audited: AuditedProcessor[] = [];
  for (const hash of hashes) {
    const rows = standing.filter(({ blockHash }) => blockHash === hash);
    audited.push(...(await compare(needs, node, rows)));
  }
  return { blockNumber, node: node.name, clientVersion, processors: audited };
}

/** Compares rows of one block hash. */
async function compare(
  needs: Needs,
  node: ExecutionNode,
  standing: readonly LedgerRow[],
): Promise<AuditedProcessor[]> {
  const [first] = standing;
  if (!first) return [];
  const rows = compareWithStored(needs.clickhouse, standing);
  try {
    const outcome = await retraceBlock({
      network: needs.network,
      node,
      engine: traceEngine,
      block: { number: first.blockNumber, hash: first.blockHash },
      processors: standing.map(({ processor }) => processor),
      stacks: standing.some(hadStacks),
      rows,
      signal: needs.signal,
    });
    if (outcome.kind === "unfetched") return await explainUnfetched(needs, node, standing, outcome);
    if (outcome.kind === "failed") {
      const reason = `${outcome.errorKind}: ${outcome.errorMessage}`;
      return standing.map((row) => notCompared(row, reason));
    }
  } catch (error) {
    if (!(error instanceof TooDifferent)) throw error;
    return judge(needs, standing, rows, "so much differs that the comparison was ended");
  }
  return judge(needs, standing, rows, "");
}

/** Rows are compared with those of the same way to trace: without stacks less can be known (docs/schema.md). */
function hadStacks({ processor, proofDetail }: LedgerRow): boolean {
  return processor === "structlog_agg" || proofDetail.includes('"stack_heights"');
}

async function judge(
  { ledger, network }: Needs,
  standing: readonly LedgerRow[],
  rows: ComparingRows,
  reason: string,
): Promise<AuditedProcessor[]> {
  const comparisons = await rows.finish();
  const now = await ledger.readBlocks(
    network.name,
    standing.map(({ processor }) => processor),
    [standing[0]?.blockNumber ?? 0],
  );
  return standing.map((row) => {
    const comparison = comparisons.get(row.processor);
    if (!comparison || comparison.differenceCount === 0) return toEqual(row, comparison);
    const isStanding = now.some(
      ({ processor, attemptId }) => processor === row.processor && attemptId === row.attemptId,
    );
    // What was replaced meanwhile may also have been cleaned up.
    if (!isStanding) return notCompared(row, "it was indexed again meanwhile");
    return {
      processor: row.processor,
      row,
      outcome: "differs",
      rowsCompared: comparison.tracedRows,
      differenceCount: comparison.differenceCount,
      differences: comparison.differences,
      reason: [reason, decoderReason(row)].filter((words) => words !== "").join("; "),
    };
  });
}

function decoderReason(row: LedgerRow): string {
  return row.decoderVersion === decoderVersion
    ? ""
    : `stored by decoder version ${row.decoderVersion}, traced by ${decoderVersion}`;
}

function toEqual(row: LedgerRow, comparison: RowComparison | undefined): AuditedProcessor {
  return {
    processor: row.processor,
    row,
    outcome: "equal",
    rowsCompared: comparison?.tracedRows ?? 0,
    differenceCount: 0,
    differences: [],
    reason: "",
  };
}

function notCompared(row: LedgerRow, reason: string): AuditedProcessor {
  return { ...toEqual(row, undefined), outcome: "not_compared", reason };
}

/** A node that has another block there contradicts what is stored; one that has none cannot say. */
async function explainUnfetched(
  { signal }: Needs,
  node: ExecutionNode,
  standing: readonly LedgerRow[],
  { fault }: { readonly fault: { readonly kind: string; readonly reason: string } },
): Promise<AuditedProcessor[]> {
  const block = await node.blockByNumber(standing[0]?.blockNumber ?? 0, signal);
  return standing.map((row) => {
    if (fault.kind !== "block_not_found" || block === null || block.hash === row.blockHash) {
      return notCompared(row, `${fault.kind}: ${fault.reason}`);
    }
    const difference: Difference = {
      kind: "value",
      row: "",
      column: "block_hash",
      stored: row.blockHash,
      traced: block.hash,
    };
    return {
      ...toEqual(row, undefined),
      outcome: "differs",
      differenceCount: 1,
      differences: [difference],
      reason: "the node has another block there",
    };
  });
}
