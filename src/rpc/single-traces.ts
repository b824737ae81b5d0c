import type { Hex } from "../domain/chain.ts";
import type { RpcCall } from "./json-rpc.ts";

/** Blocks of a size that did not pass as a whole are traced so for a while; then the node gets another chance. */
const rememberedMs = 10 * 60_000;
/** Bounds the memory. */
const maximumRemembered = 1000;

/** Remembers which blocks a node cannot trace as a whole: some by their hash, and all from a size on. */
export class SingleTraces {
  readonly #hashes = new Map<string, number>();
  #fromGas = Number.POSITIVE_INFINITY;
  #learntAtMs = 0;

  /** @param gasUsed - of the block that was too large; undefined: nothing is known of others like it. */
  learn(trace: string, gasUsed: number | undefined, nowMs: number): void {
    this.#hashes.set(trace, nowMs);
    const [oldest] = this.#hashes.keys();
    if (this.#hashes.size > maximumRemembered && oldest !== undefined) this.#hashes.delete(oldest);
    if (gasUsed === undefined) return;
    const isKnown = nowMs - this.#learntAtMs < rememberedMs;
    this.#fromGas = isKnown ? Math.min(this.#fromGas, gasUsed) : gasUsed;
    this.#learntAtMs = nowMs;
  }

  /** The least gas of a block that did not pass as a whole lately; null = none. */
  fromGas(nowMs: number): number | null {
    return nowMs - this.#learntAtMs < rememberedMs ? this.#fromGas : null;
  }

  isNeeded(trace: string, gasUsed: number | undefined, nowMs: number): boolean {
    const learntAt = this.#hashes.get(trace);
    if (learntAt !== undefined && nowMs - learntAt < rememberedMs) return true;
    const fromGas = this.fromGas(nowMs);
    return gasUsed !== undefined && fromGas !== null && gasUsed >= fromGas;
  }
}

/** The least gas of a block of which one of these did not pass as a whole lately; null = none. */
export function leastGas(kinds: readonly SingleTraces[], nowMs: number): number | null {
  const known = kinds.flatMap((kind) => kind.fromGas(nowMs) ?? []);
  return known.length === 0 ? null : Math.min(...known);
}

const encoder = new TextEncoder();
const openBrace = "{".charCodeAt(0);

/**
 * The answer to a block's trace, put together from one `debug_traceTransaction` after another. Each answer becomes the
 * item of its transaction as it is: `{"txHash": .., "jsonrpc": .., "result": ..}`.
 * @param ask - streams the answer of one call.
 */
export async function* singlesAsBlock(
  hashes: readonly Hex[],
  tracer: object,
  ask: (call: RpcCall) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield encoder.encode('{"jsonrpc":"2.0","id":1,"result":[');
  for (const [position, hash] of hashes.entries()) {
    const name = `${position > 0 ? "," : ""}{"txHash":"${hash}",`;
    let isNamed = false;
    for await (const part of ask({ method: "debug_traceTransaction", params: [hash, tracer] })) {
      const start = isNamed ? -1 : part.indexOf(openBrace);
      if (start === -1) {
        // Only white space stands before the object.
        if (isNamed) yield part;
        continue;
      }
      isNamed = true;
      yield Buffer.concat([encoder.encode(name), part.subarray(start + 1)]);
    }
    if (!isNamed) yield encoder.encode(`${position > 0 ? "," : ""}null`);
  }
  yield encoder.encode("]}");
}
