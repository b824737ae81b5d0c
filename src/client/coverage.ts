import type { Coverage, CoverageStatus, Ledger } from "../activities/ports.ts";
import { type BlockRange, subtractRanges } from "../domain/block-range.ts";
import type { Processor } from "../domain/processor.ts";

export type ProcessorCoverage = Coverage & {
  /** Blocks of the window asked for that no job was ever told to index. */
  readonly notExpected: readonly BlockRange[];
  readonly proven: boolean;
};

export type CoverageReport = {
  readonly network: string;
  /** Whether every block of every processor is proven; false where nothing is expected. */
  readonly proven: boolean;
  readonly processors: readonly ProcessorCoverage[];
};

export const coverageStatuses = [
  "proven",
  "unverified",
  "failed",
  "quarantined",
  "missing",
] as const satisfies readonly CoverageStatus[];

export type CoverageQuestion = {
  readonly network: string;
  readonly processors: readonly Processor[];
  /** Either end may be left open. */
  readonly fromBlock?: number;
  readonly toBlock?: number;
  readonly verify: boolean;
};

/** Asks the ledger what is proven, for each processor. With `verify` it counts the stored rows again. */
export async function readCoverage(
  ledger: Pick<Ledger, "coverage">,
  { network, processors, fromBlock, toBlock, verify }: CoverageQuestion,
): Promise<CoverageReport> {
  const isWhole = fromBlock === undefined && toBlock === undefined;
  const window = { fromBlock: fromBlock ?? 0, toBlock: toBlock ?? Number.MAX_SAFE_INTEGER };
  const asked = await Promise.all(
    processors.map(async (processor) => {
      const coverage = await ledger.coverage({
        network,
        processor,
        verify,
        ...(isWhole ? {} : { window }),
      });
      return judge(coverage, toBlock === undefined ? [] : [window]);
    }),
  );
  return { network, proven: asked.every(({ proven }) => proven), processors: asked };
}

/** Proven means: something is expected, all of it is proven, and the stored rows are as many as they should be. */
function judge(coverage: Coverage, wanted: readonly BlockRange[]): ProcessorCoverage {
  const { proven: provenBlocks, ...others } = coverage.blocks;
  const notExpected = subtractRanges(wanted, coverage.expected);
  const proven =
    provenBlocks > 0 &&
    Object.values(others).every((count) => count === 0) &&
    notExpected.length === 0 &&
    coverage.miscounted.length === 0 &&
    coverage.duplicates === 0;
  return { ...coverage, notExpected, proven };
}
