import {
  haltsSilently,
  haltsSilentlyInStatic,
  isEnder,
  RETURN,
  REVERT,
  SELFDESTRUCT,
} from "./opcodes.ts";
import type { OpenFrame } from "./open-frames.ts";
import type { Step } from "./step.ts";
import { isAlwaysInvalid, mustHalt } from "./step-checks.ts";
import type { WalkState } from "./walk-state.ts";

/** How a frame's last step ended it. */
export type FrameEnd = {
  /** Whether all gas the frame had left is gone. */
  readonly halted: boolean;
  /** Gas that goes back to the caller. */
  readonly left: number;
};

/** A frame's end with what its rows need of it. */
export type EndedFrame = FrameEnd & {
  /** Whether it halted or reverted. */
  readonly failed: boolean;
  /** Gas that its steps used, those of its callees among them, without the deposit of a creation. */
  readonly gasCumulative: number;
};

const CODE_DEPOSIT_GAS = 200;

/** Ends the current frame with its last step: proves that it can be the last, and lets its row leave. */
export function endFrame(walk: WalkState, step: Step, success: boolean): EndedFrame {
  const frame = walk.open.current;
  const end = frameEnd(walk, step, success);
  const gasUsed = end.halted ? step.gas : step.cappedGasCost;
  frame.gasUsedSum += gasUsed;
  const error = end.halted ? (step.error ?? haltText(step)) : step.error;
  const callTo = walk.form.addressOfHaltedCall(step);
  walk.rows.addStep(step, { gasUsed, gasSelf: gasUsed, error, callTo }, walk.open);
  if (end.halted && error !== null) {
    walk.aggs?.addHalt(step, frame);
  } else {
    const wordsBefore = frame.memoryWords;
    walk.form.checkCost(walk, step, frame);
    walk.aggs?.addPlain(step, frame, gasUsed, wordsBefore);
  }
  const destructs = step.op === SELFDESTRUCT && !end.halted;
  const isToldOf = !destructs || walk.cursor.takeSelfdestruct(frame.tablePosition);
  if (!isToldOf && walk.quirks.isMeasured) {
    walk.fail("call_tree", "a SELFDESTRUCT frame in the callTracer", "none", step.index);
  }
  const gasCumulative = frame.firstGas < step.gas ? gasUsed : frame.firstGas - step.gas + gasUsed;
  return { ...end, failed: end.halted || step.op === REVERT, gasCumulative };
}

function frameEnd(walk: WalkState, step: Step, success: boolean): FrameEnd {
  const frame = walk.open.current;
  const left = step.gas - step.gasCost;
  if (mustHalt(walk, step)) {
    if (success) walk.fail("call_outcome", "a failure after a halt", "success", step.index);
    return { halted: true, left: 0 };
  }
  if (step.op === REVERT) {
    if (success) walk.fail("call_outcome", "a failure after REVERT", "success", step.index);
    return { halted: false, left };
  }
  if (isEnder[step.op] === 1) {
    if (success) return { halted: false, left: left - deposit(walk, step, left) };
    // No client gives an error for a creation whose code could not be deposited.
    if (frame.isCreation && step.op === RETURN) return { halted: true, left: 0 };
    walk.fail("call_outcome", `success after ${walk.name(step.op)}`, "a failure", step.index);
  }
  if (!success && mayHaltSilently(walk, step, frame)) return { halted: true, left: 0 };
  if (!success && !walk.quirks.isMeasured) {
    walk.silentHalts.add(walk.name(step.op));
    return { halted: true, left: 0 };
  }
  return walk.fail("frame_end", "a step that ends a frame", walk.name(step.op), step.index);
}

function mayHaltSilently(walk: WalkState, step: Step, frame: OpenFrame): boolean {
  if (!walk.quirks.haltsSilently) return false;
  return haltsSilently[step.op] === 1 || (frame.isStatic && haltsSilentlyInStatic[step.op] === 1);
}

/** Gas for storing the code of a creation that succeeded. */
function deposit(walk: WalkState, step: Step, left: number): number {
  if (!walk.open.current.isCreation || step.op !== RETURN) return 0;
  const gas = CODE_DEPOSIT_GAS * walk.form.codeBytes(walk, step);
  if (gas <= left) return gas;
  // Frontier keeps the creation, without its code.
  if (walk.rules === null || walk.rules.fork === "frontier") return 0;
  return walk.fail("code_deposit", `at most ${left} gas`, gas, step.index);
}

/**
 * Our word for a halt where the node has none. A RETURN whose code could not be deposited did not halt itself,
 * though all its gas is gone: no error (golden transactions).
 */
function haltText(step: Step): string | null {
  if (step.gasCost > step.gas) return "out of gas";
  if (step.op === RETURN) return null;
  return isAlwaysInvalid(step.op) ? "invalid opcode" : "halted";
}
