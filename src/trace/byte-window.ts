import { malformed, type TraceRejected } from "./trace-rejected.ts";

/** A single token longer than this is no trace; what may be long is skipped or read in pieces. */
const MAXIMUM_TOKEN_BYTES = 4 * 1024 * 1024;

/** The bytes in hand: the last chunk, and before it what was left of those before. The room is reused. */
export class ByteWindow {
  /** Only [0, end) counts. */
  bytes = new Uint8Array(0);
  /** The same room, for several bytes at a time. */
  view = new DataView(this.bytes.buffer);
  end = 0;
  /** Place in `bytes` of the next byte. */
  position = 0;
  /** Chunks so far: with each of them, what stood in the room moves or goes. */
  feeds = 0;
  private consumedBefore = 0;

  /** Takes the next chunk; its bytes are copied. @throws {TraceRejected} trace_malformed when too much was left. */
  feed(chunk: Uint8Array): void {
    const left = this.end - this.position;
    if (left > MAXIMUM_TOKEN_BYTES) throw this.fail("a value is too long");
    this.consumedBefore += this.position;
    this.reserve(left + chunk.length);
    this.bytes.set(chunk, left);
    this.position = 0;
    this.end = left + chunk.length;
    this.feeds++;
  }

  fail(reason: string): TraceRejected {
    return malformed("json", `${reason}, at byte ${this.consumedBefore + this.position}`);
  }

  /** Bytes that came so far. */
  get received(): number {
    return this.consumedBefore + this.end;
  }

  /** Moves what is left to the beginning of the room, which becomes one of `size` bytes or more. */
  private reserve(size: number): void {
    const { bytes, position, end } = this;
    if (size <= bytes.length) {
      bytes.copyWithin(0, position, end);
      return;
    }
    // With room for a cut token behind chunks of one size.
    this.bytes = new Uint8Array(size + (size >> 2));
    this.bytes.set(bytes.subarray(position, end));
    this.view = new DataView(this.bytes.buffer);
  }
}
