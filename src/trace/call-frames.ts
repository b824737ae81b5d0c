/** Why a frame of the callTracer did not end well; told by the words clients use. */
export const FRAME_SUCCEEDED = 0;
export const FRAME_FAILED = 1;
/** Balance, depth or nonce forbade it: nothing ran and all gas came back. */
export const FRAME_NOT_ENTERED = 2;
/** A creation on an occupied address: all gas is gone, nothing ran. */
export const FRAME_COLLISION = 3;

/**
 * The frames of all transactions of a block as the callTracer tells them, in pre-order, SELFDESTRUCT
 * pseudo-frames included. [0, length) of each array counts.
 */
export class CallFrames {
  length = 0;
  /** Operation id of the frame's type (opcodes.ts). */
  operation = new Uint16Array(INITIAL);
  /** Position of the parent; -1 for a root. */
  parent = new Int32Array(INITIAL);
  gas = new Float64Array(INITIAL);
  gasUsed = new Float64Array(INITIAL);
  /** Bytes of the output; of a creation that is its code. */
  outputBytes = new Float64Array(INITIAL);
  inputBytes = new Float64Array(INITIAL);
  hasValue = new Uint8Array(INITIAL);
  outcome = new Uint8Array(INITIAL);
  /** 20 bytes a frame; all zero where the frame has no `to`. */
  targets = new Uint8Array(INITIAL * 20);
  hasTarget = new Uint8Array(INITIAL);
  /** Position of the root of each transaction. */
  readonly roots: number[] = [];
  /** Output of each root: 0x + lower-case hex; null when empty. */
  readonly outputs: (string | null)[] = [];

  /** Adds a frame with nothing known yet and gives its position. */
  add(parent: number): number {
    const position = this.length++;
    if (position === this.operation.length) this.grow();
    this.parent[position] = parent;
    return position;
  }

  /** 0x + 40 hex; null where the frame has no `to`. */
  target(position: number): string | null {
    if (this.hasTarget[position] === 0) return null;
    const bytes = this.targets.subarray(position * 20, position * 20 + 20);
    return `0x${Buffer.from(bytes).toString("hex")}`;
  }

  private grow(): void {
    const size = this.operation.length * 2;
    this.operation = grown(this.operation, new Uint16Array(size));
    this.parent = grown(this.parent, new Int32Array(size));
    this.gas = grown(this.gas, new Float64Array(size));
    this.gasUsed = grown(this.gasUsed, new Float64Array(size));
    this.outputBytes = grown(this.outputBytes, new Float64Array(size));
    this.inputBytes = grown(this.inputBytes, new Float64Array(size));
    this.hasValue = grown(this.hasValue, new Uint8Array(size));
    this.outcome = grown(this.outcome, new Uint8Array(size));
    this.targets = grown(this.targets, new Uint8Array(size * 20));
    this.hasTarget = grown(this.hasTarget, new Uint8Array(size));
  }
}

const INITIAL = 16;

type Numbers = Uint8Array | Uint16Array | Int32Array | Float64Array;
function grown<T extends Numbers>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** Reads a frame's outcome from its error text. */
export function outcomeOf(error: string): number {
  if (/address collision|createcollision|contract address collision/i.test(error)) {
    return FRAME_COLLISION;
  }
  if (
    /insufficient balance|max call depth|calltoodeep|call depth|outoffunds?|nonce (uint64 )?overflow|nonceoverflow/i.test(
      error,
    )
  ) {
    return FRAME_NOT_ENTERED;
  }
  return FRAME_FAILED;
}
