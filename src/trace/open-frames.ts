import { FrameTotals } from "./frame-totals.ts";
import { Step } from "./step.ts";

/** A frame whose end has not come yet. */
export class OpenFrame {
  id = 0;
  /** Position in the callTracer's table. */
  tablePosition = -1;
  isStatic = false;
  isCreation = false;
  /** Gas of its first step. */
  firstGas = 0;
  memoryWords = 0;
  /** Sum of gas_used of the frame's steps so far. */
  gasUsedSum = 0;
  /** The call or creation of this frame whose callee runs now; without words. */
  readonly call = new Step();
  callTarget: string | null = null;
  /** What the call left to this frame while its callee runs. */
  callKeeps = 0;
  /** Words of memory before the call; `memoryWords` are those after it. */
  callWordsBefore = 0;
  /** Cold accesses of the call itself; NaN where they cannot be known. */
  callColdAccesses = 0;
  readonly totals = new FrameTotals();
}

/** The frames from the root to the one that runs, reused from call to call: as many as the trace is deep. */
export class OpenFrames {
  /** EVM depth: 0 before the root, 1 inside it. */
  depth = 0;
  private nextId = 0;
  private readonly frames: OpenFrame[] = [];

  reset(): void {
    this.depth = 0;
    this.nextId = 0;
  }

  /** The frame that runs. Only when `depth` is 1 or more. */
  get current(): OpenFrame {
    return this.at(this.depth);
  }

  /** The frame at a depth, root = 1. */
  at(depth: number): OpenFrame {
    return this.frames[depth - 1]!;
  }

  takeId(): number {
    return this.nextId++;
  }

  open(): OpenFrame {
    this.depth++;
    if (this.frames.length < this.depth) this.frames.push(new OpenFrame());
    const frame = this.current;
    frame.id = this.takeId();
    frame.tablePosition = -1;
    frame.isStatic = false;
    frame.isCreation = false;
    frame.firstGas = 0;
    frame.memoryWords = 0;
    frame.gasUsedSum = 0;
    frame.totals.clear();
    return frame;
  }

  close(): void {
    this.depth--;
  }
}
