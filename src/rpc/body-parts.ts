import type { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";

/** A reader that lags behind lets no more than this wait here; the rest waits at the node. */
const mostWaitingBytes = 512 * 1024;

/**
 * A body in parts as large as what has come: a socket gives 64 KB at a time, and a part's way through
 * its readers (promises, timers, signals) costs as much as scanning some of these.
 */
export class BodyParts {
  readonly #body: Readable;
  #chunks: Buffer[] = [];
  #waitingBytes = 0;
  #isOver = false;
  #error: Error | null = null;
  #wake = () => {};

  constructor(body: Readable) {
    this.#body = body;
    body.on("data", (chunk: Buffer) => this.#add(chunk));
    body.on("end", () => this.#end(null));
    body.on("close", () => this.#end(null));
    body.on("error", (error) => this.#end(error));
  }

  /** What has come since the part before, at least one byte; null after the last. */
  async next(): Promise<Uint8Array | null> {
    if (this.#waitingBytes === 0 && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      // The socket is read several times in a turn of the event loop.
      if (!this.#isOver) await setImmediate();
    }
    if (this.#waitingBytes > 0) return this.#take();
    if (this.#error !== null) throw this.#error;
    return null;
  }

  #add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes >= mostWaitingBytes) this.#body.pause();
    this.#wake();
  }

  #end(error: Error | null): void {
    this.#error ??= error;
    this.#isOver = true;
    this.#wake();
  }

  #take(): Uint8Array {
    const chunks = this.#chunks;
    const length = this.#waitingBytes;
    this.#chunks = [];
    this.#waitingBytes = 0;
    if (this.#body.isPaused()) this.#body.resume();
    const [only] = chunks;
    return only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks, length);
  }
}
