import type { Forwarding } from "./gas-rules.ts";
import type { OpenFrame } from "./open-frames.ts";
import type { Step } from "./step.ts";
import type { WalkState } from "./walk-state.ts";

/**
 * Where the walk takes what the steps alone do not say, and what of it can be checked (traces, section 6):
 * form A reads stacks, form B the callTracer's frames. Every method may throw {@link TraceRejected}.
 */
export interface ProofForm {
  /** Whether operands are known: sizes of memory and what follows from them. */
  readonly hasStacks: boolean;
  /** `step` is the first of a frame. */
  checkFrameStart(walk: WalkState, step: Step): void;
  /** `next` follows `step` in the same frame. */
  checkHeight(walk: WalkState, step: Step, next: Step): void;
  /** `next` stands where `step` leads: behind it, or at the end of its jump. */
  checkPlace(walk: WalkState, step: Step, next: Step): void;
  /** Checks what a step that neither halts nor calls cost, and lets its frame's memory grow where that is known. */
  checkCost(walk: WalkState, step: Step, frame: OpenFrame): void;
  /** What a call or creation costs and hands on; `child` is its callTracer frame. Lets memory grow as `checkCost`. */
  forwarding(walk: WalkState, step: Step, child: number): Forwarding;
  /** Whether the call or creation that comes back before `next` succeeded. */
  succeeded(walk: WalkState, next: Step, child: number): boolean;
  /** 0x + 40 hex of the account that a CALL* calls. */
  calledAddress(walk: WalkState, step: Step, child: number): string;
  /** The same of a CALL* that halts, so that the callTracer has no frame of it; null where nobody tells. */
  addressOfHaltedCall(step: Step): string | null;
  /** What a creation leaves on the stack of `next`: the new address, or zeros where it failed. */
  createdAddress(walk: WalkState, next: Step, child: number): string;
  /** Bytes of the input of a CALL*. */
  inputBytes(walk: WalkState, step: Step, child: number): number;
  /** Bytes of the code that a creation's frame returns with `step`. */
  codeBytes(walk: WalkState, step: Step): number;
  /** Bytes that the root returns with `step`; null where only the return value tells. */
  returnedBytes(step: Step): number | null;
}
