import type { IncomingMessage } from "node:http";
import { BodyParts } from "./body-parts.ts";
import { acceptGzip, decoded, isCompressed, undecodableReason } from "./content-encoding.ts";
import type { Endpoint } from "./endpoint.ts";
import { readRefusal, socketCode, TransportFault } from "./faults.ts";
import { createHttpPost, isSuccess } from "./http-post.ts";
import type { RpcCall } from "./json-rpc.ts";
import { readRetryAfter } from "./node-observer.ts";
import { type RequestPace, unpaced } from "./request-pace.ts";
import type { StreamFault } from "./trace-fault.ts";

/** A streamed answer that failed; `isBegun` once a byte of it had come. */
export class StreamFailed extends Error {
  override readonly name = "StreamFailed";
  readonly fault: StreamFault;
  readonly isBegun: boolean;
  constructor(fault: StreamFault, { isBegun }: { isBegun: boolean }) {
    super(fault.kind);
    this.fault = fault;
    this.isBegun = isBegun;
  }
}

export type StreamOptions = {
  /** The longest that the node may be waited for, all waits together; the reader's own time does not count. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Whether a compressed answer is asked for; what is passed on is decoded either way. */
  readonly gzip?: boolean | undefined;
  /** Is told, before the first byte, whether the answer comes compressed. */
  readonly onEncoding?: ((isCompressed: boolean) => void) | undefined;
};
export type ByteStream = (call: RpcCall, options: StreamOptions) => AsyncIterable<Uint8Array>;

/** Between two parts of an answer that has begun: a node that computes as it sends stays far below. */
const silenceMs = 60_000;
/** Of the body of an answer with an error status; enough for a JSON-RPC error. */
const errorBodyBytes = 16_384;
const errorBodyMs = 5_000;

/**
 * Creates a stream of JSON-RPC answers as bytes, for those that are too large for memory. Sockets are kept alive.
 * Leaving the loop, and aborting, close the socket, which tells the node to stop.
 */
export function createByteStream(endpoint: Endpoint, pace: RequestPace = unpaced): ByteStream {
  const post = createHttpPost(endpoint);

  return async function* stream(call, { timeoutMs, signal, gzip, onEncoding }) {
    signal?.throwIfAborted();
    await takePace(pace, signal);
    const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 1, ...call }));
    const clock = createClock(timeoutMs);
    const anySignal = signal ? AbortSignal.any([signal, clock.signal]) : clock.signal;
    let isBegun = false;
    try {
      const asked = post(body, anySignal, gzip ? acceptGzip : {});
      const response = await clock.wait(asked, timeoutMs);
      if (response.statusCode !== undefined && !isSuccess(response.statusCode)) {
        const fault = await statusFault(response, response.statusCode);
        signal?.throwIfAborted();
        throw fault;
      }
      onEncoding?.(isCompressed(response));
      // Also where the decoder has nothing to show of it yet.
      response.once("data", () => {
        isBegun = true;
      });
      const parts = new BodyParts(decoded(response));
      try {
        for (;;) {
          const part = await clock.wait(parts.next(), isBegun ? silenceMs : timeoutMs);
          if (part === null) break;
          yield part;
        }
        if (!response.complete) throw cut(isBegun);
      } finally {
        response.destroy();
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof StreamFailed) throw error;
      throw new StreamFailed(clock.isOver ? silence(clock.waitedMs) : socketFault(error), {
        isBegun,
      });
    } finally {
      clock.stop();
    }
  };
}

/** A node that asks to be left alone is told from one that fails: nothing was sent. @throws {StreamFailed} */
async function takePace(pace: RequestPace, signal: AbortSignal | undefined): Promise<void> {
  try {
    await pace.take(1, signal);
  } catch (error) {
    if (!(error instanceof TransportFault)) throw error;
    const { retryAfterMs } = error.fault;
    const fault = { kind: "status", status: 429, refusal: undefined, retryAfterMs } as const;
    throw new StreamFailed(fault, { isBegun: false });
  }
}

function cut(isBegun: boolean): StreamFailed {
  return new StreamFailed({ kind: "socket", reason: "the connection closed" }, { isBegun });
}

function silence(waitedMs: number): StreamFault {
  return { kind: "silent", reason: `no more bytes; waited ${Math.round(waitedMs / 1000)} s` };
}

function socketFault(error: unknown): StreamFault {
  const undecodable = undecodableReason(error);
  return undecodable === null
    ? { kind: "socket", reason: socketCode(error) ?? "the connection closed" }
    : { kind: "socket", reason: undecodable, isUndecodable: true };
}

async function statusFault(response: IncomingMessage, status: number): Promise<StreamFailed> {
  const body = await readErrorBody(response);
  const retryAfterMs = readRetryAfter(response.headers["retry-after"], Date.now());
  const refusal = refusalIn(body);
  return new StreamFailed({ kind: "status", status, refusal, retryAfterMs }, { isBegun: false });
}

/** As much as comes in a moment: the status alone says enough. */
async function readErrorBody(response: IncomingMessage): Promise<string> {
  const late = setTimeout(() => response.destroy(), errorBodyMs);
  let body = "";
  try {
    for await (const part of decoded(response)) {
      body += String(part);
      if (body.length > errorBodyBytes) break;
    }
  } catch {
    // A body that breaks off takes nothing from its status.
  } finally {
    clearTimeout(late);
  }
  return body;
}

function refusalIn(body: string) {
  try {
    return readRefusal(JSON.parse(body));
  } catch {
    return undefined;
  }
}

/** Counts only the time spent waiting for the node, so that a slow reader never looks like a slow node. */
function createClock(timeoutMs: number) {
  const controller = new AbortController();
  let waitedMs = 0;
  let timer: NodeJS.Timeout | undefined;
  return {
    signal: controller.signal,
    get isOver() {
      return controller.signal.aborted;
    },
    get waitedMs() {
      return waitedMs;
    },
    async wait<Part>(part: Promise<Part>, longestMs: number): Promise<Part> {
      const startedAt = performance.now();
      timer = setTimeout(() => controller.abort(), Math.min(longestMs, timeoutMs - waitedMs));
      try {
        return await part;
      } finally {
        clearTimeout(timer);
        waitedMs += performance.now() - startedAt;
      }
    },
    stop: () => clearTimeout(timer),
  };
}
