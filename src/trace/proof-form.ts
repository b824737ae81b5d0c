import type { Forwarding } from "./gas-rules.ts";
import type { OpenFrame } from "./open-frames.ts";
import type { Step } from "./step.ts";

/**
 * Where the walk takes what the steps alone do not say, and what of it can be checked (traces, section 6):
 * form A reads stacks, form B the callTracer's frames. `Walk` is the state of the walk that asks. Every method may throw {@link TraceRejected}.
 */
export interface ProofForm<Walk> {
  /** Whether operands are known: sizes of memory and what follows from them. */
  readonly hasStacks: boolean;
  /** `step` is the first of a frame. */
  checkFrameStart(walk: Walk, step: Step): void;
  /** `next` follows `step` in the same frame. */
  checkHeight(walk: Walk, step: Step, next: Step): void;
  /** `next` stands where `step` leads: behind it, or at the end of its jump. */
  checkPlace(walk: Walk, step: Step, next: Step): void;
  /** Checks what a step that neither halts nor calls cost, and lets its frame's memory grow where that is known. */
  checkCost(walk: Walk, step: Step, frame: OpenFrame): void;
  /** What a call or creation costs and hands on; `child` is its callTracer frame. Lets memory grow as `checkCost`. */
  forwarding(walk: Walk, step: Step, child: number): Forwarding;
  /** Whether the call or creation that comes back before `next` succeeded. */
  succeeded(walk: Walk, next: Step, child: number): boolean;
  /** 0x + 40 hex of the account that a CALL* calls. */
  calledAddress(walk: Walk, step: Step, child: number): string;
  /** The same of a CALL* that halts, so that the callTracer has no frame of it; null where nobody tells. */
  addressOfHaltedCall(step: Step): string | null;
  /** What a creation leaves on the stack of `next`: the new address, or zeros where it failed. */
  createdAddress(walk: Walk, next: Step, child: number): string;
  /** Bytes of the input of a CALL*. */
  inputBytes(walk: Walk, step: Step, child: number): number;
  /** Bytes of the code that a creation's frame returns with `step`. */
  codeBytes(walk: Walk, step: Step): number;
  /** Bytes that the root returns with `step`; null where only the return value tells. */
  returnedBytes(step: Step): number | null;
}
