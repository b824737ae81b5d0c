import { type ArchiveDepth, probeArchiveDepth } from "./archive-depth.ts";
import { StreamFailed } from "./byte-stream.ts";
import { toHex } from "./decode.ts";
import { type Endpoint, isLoopback } from "./endpoint.ts";
import type { RawNode } from "./execution-node.ts";
import { readRefusal } from "./faults.ts";
import type { RpcCall } from "./json-rpc.ts";
import { TraceCosts } from "./trace-costs.ts";

/** What is asked here says nothing about a node's health, and must not hold up who waits for the node. */
const longestMs = 1_500;
/** A header and its hashes, or a number. */
const longestAnswer = 512 * 1024;
const anyAccount = `0x${"0".repeat(40)}`;

/** What was learnt of one node beside its health: asked for at each probe, and seen in its traces. */
export class NodeAbilities {
  readonly costs: TraceCosts;
  #gzip: "yes" | "no" | "unknown" = "unknown";
  #accountCode: "yes" | "no" | "unknown" = "unknown";
  #archiveDepth: ArchiveDepth = null;
  #probedNoState: number | null = null;
  /** The highest block that another node had to trace for want of state. */
  #missedState: number | null = null;
  #told: string | null = null;

  constructor(endpoint: Pick<Endpoint, "url">) {
    const isLocal = isLoopback(endpoint.url);
    // On a local link compression is pure loss (measured).
    this.costs = new TraceCosts(() => !isLocal && this.#gzip !== "no");
  }

  get facts() {
    return {
      gzip: this.#gzip,
      asksGzip: this.costs.compresses,
      traceWay: this.costs.way,
      accountCode: this.#accountCode,
      archiveDepth: this.#archiveDepth,
      noStateUpTo: this.noStateUpTo,
    };
  }

  /** Whether something is known now that was not when this was asked last; never the first time. */
  takeNews(): boolean {
    // Where an archive ends moves with the head.
    const { noStateUpTo: _, ...facts } = this.facts;
    const now = JSON.stringify(facts);
    const isNews = this.#told !== null && now !== this.#told;
    this.#told = now;
    return isNews;
  }

  /** The highest block whose state it is known not to have; null = none yet. */
  get noStateUpTo(): number | null {
    if (this.#probedNoState === null) return this.#missedState;
    return Math.max(this.#probedNoState, this.#missedState ?? 0);
  }

  /** It has no state of this block: nor, by all experience, of those before it. */
  lacksState(blockNumber: number): void {
    this.#missedState = Math.max(this.#missedState ?? 0, blockNumber);
  }

  /** It was asked which accounts have code. @returns whether that it does not say so is news. */
  saidCode(isSaid: boolean): boolean {
    if (this.#accountCode === "no") return false;
    this.#accountCode = isSaid ? "yes" : "no";
    return !isSaid;
  }

  /** What was learnt of another version does not hold for this one. */
  forget(): void {
    this.#missedState = null;
    this.#accountCode = "unknown";
    this.costs.forget();
  }

  /** Asks anew, six small calls at the most. What it does not answer in time stays as it was. */
  async probe(node: Pick<RawNode, "stream">, head: number, signal?: AbortSignal): Promise<void> {
    const late = AbortSignal.timeout(longestMs);
    const until = signal ? AbortSignal.any([signal, late]) : late;
    try {
      await this.#probeGzip(node, until);
      await this.#probeState(node, head, until);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof StreamFailed) && !late.aborted) throw error;
    }
  }

  async #probeGzip(node: Pick<RawNode, "stream">, signal: AbortSignal): Promise<void> {
    let isCompressed: boolean | undefined;
    const onEncoding = (compressed: boolean) => {
      isCompressed = compressed;
    };
    const call = { method: "eth_getBlockByNumber", params: ["latest", false] };
    await ask(node, call, { signal, gzip: true, onEncoding });
    if (isCompressed !== undefined) this.#gzip = isCompressed ? "yes" : "no";
  }

  async #probeState(
    node: Pick<RawNode, "stream">,
    head: number,
    signal: AbortSignal,
  ): Promise<void> {
    const before = this.#probedNoState;
    const { depth, noStateUpTo } = await probeArchiveDepth(head, async (blockNumber) => {
      const call = { method: "eth_getBalance", params: [anyAccount, toHex(blockNumber)] };
      return readRefusal(await ask(node, call, { signal })) ?? "there";
    });
    if (depth === null && noStateUpTo === null) return;
    this.#archiveDepth = depth;
    this.#probedNoState = noStateUpTo;
    // A node that has become an archive has what it did not have before.
    if (before !== null && noStateUpTo === null) this.#missedState = null;
  }
}

type AskOptions = Omit<Parameters<RawNode["stream"]>[1], "timeoutMs">;

/** The whole answer. @throws {StreamFailed} */
async function ask(
  { stream }: Pick<RawNode, "stream">,
  call: RpcCall,
  options: AskOptions,
): Promise<unknown> {
  let text = "";
  for await (const part of stream(call, { ...options, timeoutMs: longestMs })) {
    text += Buffer.from(part).toString("latin1");
    if (text.length > longestAnswer) break;
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new StreamFailed(
      { kind: "socket", reason: "the answer is no JSON-RPC" },
      { isBegun: true },
    );
  }
}
