import { formatBlockRange } from "../client/block-text.ts";
import { requeue } from "../client/jobs.ts";
import type { NetworkConfig } from "../config/load-config.ts";
import { mergeRanges } from "../domain/block-range.ts";
import { parseBlocks } from "../domain/block-spec.ts";
import type { Processor } from "../domain/processor.ts";
import { JobNotRunningError } from "../errors.ts";
import { type RequeueAnswer, type RequeueRequest, workflowIds } from "../workflows/messages.ts";
import type { Backends } from "./backends.ts";
import type { InTurn } from "./turns.ts";

/** Blocks that somebody wants traced again. */
export type WantedBlocks = {
  readonly network: NetworkConfig;
  readonly processor: Processor;
  readonly blocks: readonly number[];
  readonly reason: string;
  readonly actor: string;
};

/** What became of one block. */
export type BlockResult = {
  readonly block_number: number;
  readonly status: "queued" | "skipped" | "failed";
  /** Blocks queued now; the reference counts transactions. */
  readonly tasks_created: 0 | 1;
  readonly error?: string;
};
export type QueueResult = {
  readonly results: readonly BlockResult[];
  readonly paused: boolean;
  /** Whether a block failed for want of room, and may be asked for again later. */
  readonly isFull: boolean;
};

/** What requeues need: Temporal, and turns among those who ask the same queue at once. */
type QueueAccess = Pick<Backends, "temporal"> & { readonly inTurn: InTurn };

/**
 * Hands blocks to gap-fill, which is started if none runs, but for those above the head. Idempotent: blocks that wait
 * already are skipped.
 * @param head - the chain's highest block.
 * @throws {TemporalUnavailableError} @throws {NoWorkerError} @throws {RequestRefusedError}
 * @throws {Problem} where others ask so much that its turn does not come in time.
 */
export async function queueBlocks(
  access: QueueAccess,
  wanted: WantedBlocks,
  head: number,
): Promise<QueueResult> {
  const asked = wanted.blocks.filter((block) => block <= head);
  const answer = asked.length > 0 ? await send(access, wanted, asked) : nothingAsked;
  const skipped = namedBlocks(answer.alreadyQueuedBlocks ?? []);
  const refused = new Map(
    answer.refused.flatMap(({ blocks, why }) =>
      [...namedBlocks([blocks])].map((block) => [block, why] as const),
    ),
  );
  const results = wanted.blocks.map((block): BlockResult => {
    const error = block > head ? `above the head of the chain (${head})` : refused.get(block);
    if (error !== undefined) {
      return { block_number: block, status: "failed", tasks_created: 0, error };
    }
    return skipped.has(block)
      ? { block_number: block, status: "skipped", tasks_created: 0 }
      : { block_number: block, status: "queued", tasks_created: 1 };
  });
  return { results, paused: answer.paused, isFull: refused.size > 0 };
}

const nothingAsked: RequeueAnswer = { queued: 0, alreadyQueued: 0, refused: [], paused: false };

async function send(
  { temporal, inTurn }: QueueAccess,
  { network, processor, reason, actor }: WantedBlocks,
  blocks: readonly number[],
): Promise<RequeueAnswer> {
  const client = await temporal();
  const gapFill = { network: network.name, processors: network.processors };
  const request: RequeueRequest = { blocks: toTexts(blocks), processor, reason, actor };
  return inTurn(workflowIds.gapFill(network.name), async () => {
    try {
      return await requeue(client, gapFill, request);
    } catch (error) {
      // gap-fill went from one run to the next in the middle of the call; the next run is there now.
      if (!(error instanceof JobNotRunningError)) throw error;
      return requeue(client, gapFill, request);
    }
  });
}

/** As few texts as there are ranges: they stand in the workflow's history. */
function toTexts(blocks: readonly number[]): string[] {
  const ranges = mergeRanges(blocks.map((block) => ({ fromBlock: block, toBlock: block })));
  return ranges.map(formatBlockRange);
}

/** The blocks that texts of gap-fill's answer name. */
function namedBlocks(texts: readonly string[]): ReadonlySet<number> {
  const blocks = new Set<number>();
  for (const text of texts) {
    const spec = parseBlocks(text);
    if (spec.kind === "invalid") continue;
    for (let block = spec.fromBlock; block <= spec.toBlock; block += 1) blocks.add(block);
  }
  return blocks;
}
