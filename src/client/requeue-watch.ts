import type { Ledger } from "../activities/ports.ts";
import type { BlockRange } from "../domain/block-range.ts";
import type { LedgerStatus } from "../domain/ledger.ts";
import type { Processor } from "../domain/processor.ts";
import { waitUntil } from "./wait-until.ts";

const lookIntervalMs = 1_000;
/** Blocks asked for in one look: those in front of the queue are done first. */
const blocksPerLook = 32;

/** What became of a requeued block: the status of the newest attempt of each processor. */
export type RequeuedBlock = {
  readonly blockNumber: number;
  readonly attempts: Readonly<Partial<Record<Processor, LedgerStatus>>>;
};

type Scope = { readonly network: string; readonly processors: readonly Processor[] };

/**
 * Watches blocks until each has a newer attempt that is complete or failed. Made before the requeue is sent, so that
 * "newer" has a meaning; it counts the versions of a block, because a failed attempt leaves a complete row as it is.
 */
export async function prepareRequeueWatch(
  ledger: Ledger,
  scope: Scope,
  ranges: readonly BlockRange[],
): Promise<(show: (done: number, total: number) => Promise<void>) => Promise<RequeuedBlock[]>> {
  const before = new Map<number, number>();
  const blocks = listBlocks(ranges);
  for (const group of chunk(blocks)) {
    const counts = await Promise.all(group.map((block) => ledger.history(scope.network, block)));
    group.forEach((block, index) => before.set(block, counts[index]?.length ?? 0));
  }
  return async (show) => {
    const done = new Map<number, RequeuedBlock>();
    await waitUntil(
      async () => {
        const open = blocks.filter((block) => !done.has(block)).slice(0, blocksPerLook);
        const found = await Promise.all(
          open.map((block) => readAttempt(ledger, scope, block, before.get(block) ?? 0)),
        );
        for (const block of found) if (block) done.set(block.blockNumber, block);
        await show(done.size, blocks.length);
        return done.size === blocks.length;
      },
      { intervalMs: lookIntervalMs },
    );
    return blocks.flatMap((block) => done.get(block) ?? []);
  };
}

/** The newest attempts after version `since`; undefined until each processor has one. */
async function readAttempt(
  ledger: Ledger,
  { network, processors }: Scope,
  blockNumber: number,
  since: number,
): Promise<RequeuedBlock | undefined> {
  const versions = (await ledger.history(network, blockNumber)).slice(since);
  const attempts = Object.fromEntries(
    versions
      .filter(({ status, processor }) => status !== "retracted" && processors.includes(processor))
      .map(({ processor, status }) => [processor, status]),
  );
  return processors.every((processor) => attempts[processor])
    ? { blockNumber, attempts }
    : undefined;
}

function listBlocks(ranges: readonly BlockRange[]): number[] {
  const blocks = ranges.flatMap(({ fromBlock, toBlock }) =>
    Array.from({ length: toBlock - fromBlock + 1 }, (_, index) => fromBlock + index),
  );
  return [...new Set(blocks)];
}

function chunk(blocks: readonly number[]): number[][] {
  const groups: number[][] = [];
  for (let start = 0; start < blocks.length; start += blocksPerLook) {
    groups.push(blocks.slice(start, start + blocksPerLook));
  }
  return groups;
}
