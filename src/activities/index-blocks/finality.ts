import { finalizedBy } from "../../domain/reorg.ts";
import type { Network, NetworkStore } from "../ports.ts";

const maximumAgeMs = 30_000;

/**
 * Up to where the chain is final: the highest block ever seen final, asked anew now and then; it never sinks. And up
 * to where the stored rows are known to lie on that final chain.
 */
export class Finality {
  readonly #network: Network;
  readonly #networks: NetworkStore;
  readonly #signal: AbortSignal;
  #finalized: number | null = null;
  #swept: number | null = null;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(network: Network, networks: NetworkStore, signal: AbortSignal) {
    this.#network = network;
    this.#networks = networks;
    this.#signal = signal;
  }

  /** The highest final block, at most 30 s old; null = nothing is final. */
  async current(): Promise<number | null> {
    if (Date.now() - this.#askedAt >= maximumAgeMs) await this.refresh();
    return this.#finalized;
  }

  async refresh(): Promise<number | null> {
    const { name } = this.#network;
    this.#finalized = await this.#networks.raiseFinalized(name, await this.#ask());
    this.#swept = await this.#networks.raiseSwept(name, null);
    this.#askedAt = Date.now();
    return this.#finalized;
  }

  /** Rows up to here were final when they were written or compared; what contradicts them is beyond us. */
  async swept(): Promise<number | null> {
    await this.current();
    return this.#swept;
  }

  async raiseSwept(blockNumber: number): Promise<void> {
    this.#swept = await this.#networks.raiseSwept(this.#network.name, blockNumber);
  }

  async #ask(): Promise<number | null> {
    const { node, finalityDepth } = this.#network;
    const finalized =
      finalityDepth === null ? await node.head("finalized", this.#signal) : undefined;
    const head = await node.head("latest", this.#signal);
    return finalizedBy({
      finalityDepth,
      finalized: finalized?.number ?? null,
      head: head?.number ?? null,
    });
  }
}
