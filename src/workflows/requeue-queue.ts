import type { BlockRange } from "../domain/block-range.ts";
import { countBlocks, subtractRanges } from "../domain/block-range.ts";
import type { Processor } from "../domain/processor.ts";
import { formatRange } from "./details.ts";
import type { RequeuedRange } from "./gap-fill-shapes.ts";
import type { RequeueAnswer } from "./messages.ts";
import { maximumRanges } from "./messages.ts";
import type { ParsedRequeue } from "./requests.ts";

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
    return sumBlocks(this.pending);
  }

  /** Queues what is not queued yet and says what became of each block. */
  add({ ranges, common }: ParsedRequeue, paused: boolean): RequeueAnswer {
    const fresh = subtractRanges(ranges, this.rangesThatCover(common.processors));
    const room = this.countRoom(fresh, common);
    const [taken, tooMany] = [fresh.slice(0, room), fresh.slice(room)];
    const known = subtractRanges(ranges, fresh);
    this.waiting = [...this.waiting, ...taken.map((range) => ({ ...range, ...common }))];
    return {
      queued: sumBlocks(taken),
      alreadyQueued: sumBlocks(known),
      ...(known.length > 0 ? { alreadyQueuedBlocks: known.map(toText) } : {}),
      refused: tooMany.map((range) => ({
        blocks: formatRange(range),
        why: `the queue is full (${this.waiting.length} ranges); ask again when some are done`,
      })),
      paused,
    };
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

  private rangesThatCover(processors: readonly Processor[]): BlockRange[] {
    return this.pending.filter((range) =>
      processors.every((processor) => range.processors.includes(processor)),
    );
  }

  /** How many of the ranges fit. The bytes are counted once a request: they grow with the whole queue. */
  private countRoom(fresh: readonly BlockRange[], common: ParsedRequeue["common"]): number {
    let bytes = countBytes(this.pending);
    let room = 0;
    for (const range of fresh) {
      bytes += countBytes({ ...range, ...common }) + 1;
      if (bytes > maximumBytes || this.waiting.length + room >= maximumRanges) break;
      room += 1;
    }
    return room;
  }
}

/** As messages write it, without marks of thousands. */
function toText({ fromBlock, toBlock }: BlockRange): string {
  return fromBlock === toBlock ? String(fromBlock) : `${fromBlock}-${toBlock}`;
}

function countBytes(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

function sumBlocks(ranges: readonly BlockRange[]): number {
  return ranges.reduce((sum, range) => sum + countBlocks(range), 0);
}
