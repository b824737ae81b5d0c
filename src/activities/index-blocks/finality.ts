import { finalizedBy } from "../../domain/reorg.ts";
import type { Network, NetworkStore } from "../ports.ts";

const maximumAgeMs = 30_000;

/** Up to where the chain is final: the highest block ever seen final, asked anew now and then; it never sinks. */
export class Finality {
  readonly #network: Network;
  readonly #networks: NetworkStore;
  readonly #signal: AbortSignal;
  #finalized: number | null = null;
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
    const { node, finalityDepth, name } = this.#network;
    const asked = finalityDepth === null ? "finalized" : "latest";
    const ref = await node.head(asked, this.#signal);
    const seen = finalizedBy({
      finalityDepth,
      finalized: finalityDepth === null ? (ref?.number ?? null) : null,
      head: ref?.number ?? null,
    });
    this.#finalized = await this.#networks.raiseFinalized(name, seen);
    this.#askedAt = Date.now();
    return this.#finalized;
  }
}
