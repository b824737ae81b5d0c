import type { Context } from "@temporalio/activity";
import type { InHand } from "../../domain/checkpoint.ts";
import type { IndexBlocksHeartbeat } from "../../workflows/index-activities.ts";

const beatIntervalMs = 1000;

/**
 * Tells Temporal, at most once a second, where a next attempt starts and which block is in hand. It beats by a timer
 * too: a node may think for minutes before the first byte of a trace.
 */
export class Heart {
  readonly #context: Pick<Context, "heartbeat">;
  readonly #timer: NodeJS.Timeout;
  #details: IndexBlocksHeartbeat;
  #lastBeatAt = 0;
  #isStopped = false;

  constructor(context: Pick<Context, "heartbeat">, details: IndexBlocksHeartbeat) {
    this.#context = context;
    this.#details = details;
    this.#timer = setInterval(() => this.beat(), beatIntervalMs);
  }

  get nextBlock(): number {
    return this.#details.nextBlock;
  }

  takeInHand(inHand: InHand): void {
    this.#change({ inHand, waitingFor: null });
  }

  putDown(): void {
    this.#details = { ...this.#details, inHand: null };
  }

  checkpoint(nextBlock: number, done: IndexBlocksHeartbeat["done"]): void {
    this.#change({ nextBlock, done });
  }

  /** @param waitingFor - words for people: what the activity waits for; null = nothing. */
  waitFor(waitingFor: string | null): void {
    if (waitingFor === this.#details.waitingFor) return;
    this.#change({ waitingFor });
  }

  /** @param nodes - what was heard of the nodes; undefined: nothing. */
  tellNodes(nodes: IndexBlocksHeartbeat["nodes"]): void {
    if (nodes !== undefined) this.#details = { ...this.#details, nodes };
  }

  beat(): void {
    if (this.#isStopped) return;
    this.#lastBeatAt = Date.now();
    this.#context.heartbeat(this.#details);
  }

  /** The orderly end of an attempt: no block is in hand, so that only a killed worker leaves one there. */
  stop(): void {
    clearInterval(this.#timer);
    this.putDown();
    this.beat();
    this.#isStopped = true;
  }

  #change(change: Partial<IndexBlocksHeartbeat>): void {
    this.#details = { ...this.#details, ...change };
    if (Date.now() - this.#lastBeatAt >= beatIntervalMs) this.beat();
  }
}
