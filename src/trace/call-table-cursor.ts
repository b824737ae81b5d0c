import {
  type CallFrames,
  FRAME_COLLISION,
  FRAME_NOT_ENTERED,
  FRAME_SUCCEEDED,
} from "./call-frames.ts";
import { SELFDESTRUCT } from "./opcodes.ts";

/**
 * Walks the callTracer's frames of one transaction in step with its trace: each call or creation that does
 * not halt takes the next child, SELFDESTRUCT its pseudo-frame.
 */
export class CallTableCursor {
  readonly frames: CallFrames;
  private next = 0;
  private end = 0;

  constructor(frames: CallFrames) {
    this.frames = frames;
  }

  /** Goes to a transaction; gives the position of its root. */
  begin(transaction: number): number {
    const root = this.frames.roots[transaction]!;
    this.next = root + 1;
    this.end = this.frames.roots[transaction + 1] ?? this.frames.length;
    return root;
  }

  /** The next frame if `parent` made it; -1 if that made no more. */
  child(parent: number): number {
    return this.next < this.end && this.frames.parent[this.next] === parent ? this.next : -1;
  }

  take(): void {
    this.next++;
  }

  /** Takes the pseudo-frame of a SELFDESTRUCT; false if the table has none here. */
  takeSelfdestruct(parent: number): boolean {
    const position = this.child(parent);
    if (position < 0 || this.frames.operation[position] !== SELFDESTRUCT) return false;
    this.take();
    return true;
  }

  succeeded(position: number): boolean {
    return this.frames.outcome[position] === FRAME_SUCCEEDED;
  }

  notEntered(position: number): boolean {
    return this.frames.outcome[position] === FRAME_NOT_ENTERED;
  }

  collided(position: number): boolean {
    return this.frames.outcome[position] === FRAME_COLLISION;
  }
}
