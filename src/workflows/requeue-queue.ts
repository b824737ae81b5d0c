import type { BlockRange } from "../domain/block-range.ts";
import { countBlocks, subtractRanges } from "../domain/block-range.ts";
import { formatRange } from "./details.ts";
import type { RequeueAnswer, RequeuedRange } from "./messages.ts";
import { maximumRanges } from "./messages.ts";

/** The state travels in one payload, of which the server takes 2 MiB; the rest of the state is small. */
const maximumBytes = 1_000_000;

/** Requeued blocks that wait or are in hand. By content: asking for the same blocks twice queues them once. */
export class RequeueQueue {
  private waiting: readonly RequeuedRange[];
  private inHand: RequeuedRange | undefined;

  constructor(waiting: readonly RequeuedRange[]) {
    this.waiting = waiting;
  }

  /** All that is not done, what is in hand first. */
  get pending(): readonly RequeuedRange[] {
    return this.inHand ? [this.inHand, ...this.waiting] : this.waiting;
  }

  /** What is in hand. */
  get taken(): RequeuedRange | undefined {
    return this.inHand;
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  /** Blocks that wait or are in hand. */
  get blocks(): number {
    return this.pending.reduce((sum, range) => sum + countBlocks(range), 0);
  }

  /** Queues what is not queued yet and says what became of each block. */
  add(ranges: readonly RequeuedRange[], paused: boolean): RequeueAnswer {
    const answer = {
      queued: 0,
      alreadyQueued: 0,
      refused: [] as { blocks: string; why: string }[],
    };
    for (const wanted of ranges) {
      const added = subtractRanges([wanted], this.rangesThatCover(wanted)).map((range) => ({
        ...wanted,
        ...range,
      }));
      const queued = added.reduce((sum, range) => sum + countBlocks(range), 0);
      answer.alreadyQueued += countBlocks(wanted) - queued;
      const next = [...this.waiting, ...added];
      if (fits(next)) {
        this.waiting = next;
        answer.queued += queued;
      } else {
        answer.refused.push({
          blocks: formatRange(wanted),
          why: `the queue is full (${this.waiting.length} ranges); ask again when some are done`,
        });
      }
    }
    return { ...answer, paused };
  }

  /** Takes the next blocks in hand, at most `maximumBlocks` of one range; undefined if none wait. */
  take(maximumBlocks: number): RequeuedRange | undefined {
    const [first, ...others] = this.waiting;
    if (!first) return undefined;
    const toBlock = Math.min(first.toBlock, first.fromBlock + maximumBlocks - 1);
    this.inHand = { ...first, toBlock };
    this.waiting =
      toBlock < first.toBlock ? [{ ...first, fromBlock: toBlock + 1 }, ...others] : others;
    return this.inHand;
  }

  /** Puts down what was in hand; blocks from `nextBlock` on were not reached and wait again, first of all. */
  putDown(nextBlock: number): void {
    const { inHand } = this;
    this.inHand = undefined;
    if (inHand && nextBlock <= inHand.toBlock) {
      this.waiting = [{ ...inHand, fromBlock: nextBlock }, ...this.waiting];
    }
  }

  private rangesThatCover(wanted: RequeuedRange): BlockRange[] {
    return this.pending.filter((range) =>
      wanted.processors.every((processor) => range.processors.includes(processor)),
    );
  }
}

function fits(ranges: readonly RequeuedRange[]): boolean {
  return (
    ranges.length <= maximumRanges &&
    new TextEncoder().encode(JSON.stringify(ranges)).length <= maximumBytes
  );
}
