import { type EndedFrame, endFrame, type FrameEnd } from "./frame-end.ts";
import { type Forwarding, growMemory } from "./gas-rules.ts";
import { isCall, isCreate, STATICCALL, stackPops } from "./opcodes.ts";
import type { OpenFrame } from "./open-frames.ts";
import { precompileAt, precompilePrice } from "./precompiles.ts";
import type { Step } from "./step.ts";
import { callSucceeded, checkHeight, checkNextPlace, gasBetween } from "./step-checks.ts";
import type { WalkState } from "./walk-state.ts";

/** `next` is the first step of a frame: every frame starts at pc 0 with an empty stack. */
export function beginFrame(walk: WalkState, next: Step): OpenFrame {
  if (next.pc !== 0) walk.fail("frame_start", "pc 0", `pc ${next.pc}`, next.index);
  if (next.height !== 0) {
    walk.fail("frame_start", "an empty stack", `${next.height} words`, next.index);
  }
  const frame = walk.open.open();
  frame.firstGas = next.gas;
  return frame;
}

/** `step` calls or creates, `next` is the callee's first step. */
export function enterCall(walk: WalkState, step: Step, next: Step): void {
  const isCreation = isCreate[step.op] === 1;
  const caller = walk.open.current;
  const child = takeChild(walk, step);
  const { overhead, forwarded, given } = findForwarding(walk, step, child);
  walk.checkGas("call_gas", given, next.gas, next.index);
  walk.checkGas("call_gas", walk.table.gas[child]!, next.gas, next.index);
  caller.call.copyFrom(step);
  caller.callTarget = isCreation ? null : step.address(1);
  caller.callKeeps = step.gas - overhead - forwarded;
  const isStatic = caller.isStatic || step.op === STATICCALL;
  const frame = beginFrame(walk, next);
  frame.tablePosition = child;
  frame.isStatic = isStatic;
  frame.isCreation = isCreation;
}

/** `step` is the last of its frame; `next` is the caller's step after its call. */
export function leaveCall(walk: WalkState, step: Step, next: Step): void {
  const frame = walk.open.current;
  const success = callSucceeded(walk, next);
  const end = endFrame(walk, step, success);
  checkTableEnd(walk, frame, { end, success, step });
  const { gasUsedSum, isCreation, tablePosition } = frame;
  if (walk.aggs !== null) addCallee(walk, next, end);
  walk.open.close();
  const caller = walk.open.current;
  const { call } = caller;
  walk.checkGas("return_gas", caller.callKeeps + end.left, next.gas, next.index);
  checkHeight(walk, call, next);
  checkNextPlace(walk, call, next);
  const gasUsed = gasBetween(call, next);
  caller.gasUsedSum += gasUsed;
  const callTo = caller.callTarget ?? next.address(0);
  if (isCreation && success) checkCreated(walk, tablePosition, next);
  const gasSelf = Math.max(0, gasUsed - gasUsedSum);
  walk.rows.addStep(call, { gasUsed, gasSelf, error: call.error, callTo }, walk.open);
  walk.aggs?.addCall(call.op, caller, { gas: gasSelf, gasUsed });
}

/** The frame that runs came to its end: its rows leave, and its caller knows its gas. */
function addCallee(walk: WalkState, next: Step, end: EndedFrame): void {
  const { open } = walk;
  const frame = open.current;
  const caller = open.at(open.depth - 1);
  walk.aggs?.addFrame(
    {
      id: frame.id,
      depth: open.depth,
      target: caller.callTarget ?? next.address(0),
      callType: caller.call.op,
      failed: end.failed,
      gas: Math.max(0, end.gasCumulative - frame.totals.childrenGas),
      gasCumulative: end.gasCumulative,
    },
    frame.totals,
    open,
  );
  caller.totals.childrenGas += end.gasCumulative;
}

type TableEnd = { readonly end: FrameEnd; readonly success: boolean; readonly step: Step };

function checkTableEnd(walk: WalkState, frame: OpenFrame, { end, success, step }: TableEnd) {
  const position = frame.tablePosition;
  if (walk.cursor.child(position) >= 0) {
    walk.fail("call_tree", "no more frames", "a callTracer frame without steps", step.index);
  }
  const used = frame.firstGas - end.left;
  walk.checkGas("call_gas_used", walk.table.gasUsed[position]!, used, step.index);
  checkOutcome(walk, position, success, step);
}

function checkOutcome(walk: WalkState, position: number, success: boolean, step: Step): void {
  if (walk.cursor.succeeded(position) === success) return;
  const expected = success ? "success in the callTracer" : "an error in the callTracer";
  walk.fail("call_outcome", expected, "the other", step.index);
}

function checkCreated(walk: WalkState, position: number, next: Step): void {
  const target = walk.table.target(position);
  const created = next.address(0);
  if (target !== null && target !== created) {
    walk.fail("created_address", target, created, next.index);
  }
}

/** Takes the callTracer's frame of a call or creation that did not halt. */
function takeChild(walk: WalkState, step: Step): number {
  const child = walk.cursor.child(walk.open.current.tablePosition);
  if (child < 0) {
    walk.fail("call_tree", `a callTracer frame of ${walk.name(step.op)}`, "none", step.index);
  }
  const operation = walk.table.operation[child]!;
  if (operation !== step.op) {
    walk.fail("call_tree", walk.name(step.op), walk.name(operation), step.index);
  }
  if (isCall[step.op] === 1) {
    const target = walk.table.target(child);
    if (target !== step.address(1)) {
      walk.fail("call_target", target, step.address(1), step.index);
    }
  }
  walk.cursor.take();
  return child;
}

/** What a call or creation costs and hands on; where no rule is known, what the callTracer says. */
function findForwarding(walk: WalkState, step: Step, child: number): Forwarding {
  const frame = walk.open.current;
  const { words, expansion } = growMemory(step, frame.memoryWords);
  frame.callWordsBefore = frame.memoryWords;
  frame.memoryWords = words;
  const forwarding = forwardingOf(walk, step, { child, expansion });
  frame.callColdAccesses = forwarding.coldAccesses;
  return forwarding;
}

function forwardingOf(
  walk: WalkState,
  step: Step,
  { child, expansion }: { readonly child: number; readonly expansion: number },
): Forwarding {
  const costIncludesForwarded = isCall[step.op] === 1 || walk.quirks.createCostIncludesForwarded;
  if (walk.rules === null) {
    const given = walk.table.gas[child]!;
    const overhead = costIncludesForwarded ? step.gasCost - given : step.gasCost;
    return { overhead, forwarded: given, given, coldAccesses: Number.NaN };
  }
  if (isCreate[step.op] === 1) {
    const creation = walk.rules.creation(step, expansion);
    const cost = creation.overhead + (costIncludesForwarded ? creation.forwarded : 0);
    walk.checkGas("gas_cost", cost, step.gasCost, step.index);
    return creation;
  }
  const isPrecompile = precompileAt(walk.addressFork, step.address(1)) > 0;
  return (
    walk.rules.solveCall(step, expansion, isPrecompile) ??
    walk.fail("call_cost", "a cost that the fork knows", step.gasCost, step.index)
  );
}

/** A call or creation whose next step has the same depth: no step ran in between, and none is missing. */
export function passOverCall(walk: WalkState, step: Step, next: Step): void {
  checkNextPlace(walk, step, next);
  const child = takeChild(walk, step);
  const { overhead, forwarded, given } = findForwarding(walk, step, child);
  const success = callSucceeded(walk, next);
  const used = given - (next.gas - (step.gas - overhead - forwarded));
  checkOutcome(walk, child, success, step);
  const call: PassedOver = { step, next, child, used, given, success };
  const isCreation = isCreate[step.op] === 1;
  const hasFrame = isCreation ? checkEmptyCreation(walk, call) : checkEmptyCall(walk, call);
  if (hasFrame) {
    walk.checkGas("call_gas", walk.table.gas[child]!, given, step.index);
    walk.checkGas("call_gas_used", walk.table.gasUsed[child]!, used, step.index);
  }
  if (isCreation && success) checkCreated(walk, child, next);
  const gasUsed = gasBetween(step, next);
  walk.open.current.gasUsedSum += gasUsed;
  const callTo = isCreation ? next.address(0) : step.address(1);
  walk.rows.addStep(step, { gasUsed, gasSelf: gasUsed, error: step.error, callTo }, walk.open);
  const ownGas = hasFrame ? gasUsed - used : gasUsed;
  walk.aggs?.addCall(step.op, walk.open.current, { gas: ownGas, gasUsed });
  if (hasFrame) addEmptyFrame(walk, call, callTo);
}

/** A frame that ran no step: an account without code, a precompile, empty init code (2.5). */
function addEmptyFrame(walk: WalkState, { step, used, success }: PassedOver, target: string): void {
  const { open } = walk;
  const id = open.takeId();
  walk.rows.addSynthetic(step, id, target, open);
  const frame = { id, depth: step.depth + 1, target, callType: step.op, failed: !success };
  walk.aggs?.addEmptyFrame({ ...frame, gas: used, gasCumulative: used }, open);
  open.current.totals.childrenGas += used;
}

type PassedOver = {
  readonly step: Step;
  readonly next: Step;
  /** Its frame in the callTracer's table. */
  readonly child: number;
  /** Gas that did not come back of what it was given. */
  readonly used: number;
  readonly given: number;
  readonly success: boolean;
};

/** Whether it has a frame: empty init code has; balance, depth, nonce or an occupied address let none be. */
function checkEmptyCreation(walk: WalkState, call: PassedOver): boolean {
  const { used, given, success, child, next } = call;
  if (walk.rules === null) return success;
  const collided = walk.cursor.collided(child);
  const isPossible = success ? used === 0 : used === (collided ? given : 0);
  if (!isPossible) walk.fail("steps_of_call", "steps of the init code", "none", next.index);
  return success;
}

/** Whether it has a frame: an account without code has, and a precompile that ran. */
function checkEmptyCall(walk: WalkState, call: PassedOver): boolean {
  const { step, used, given, success, child, next } = call;
  const precompile = precompileAt(walk.addressFork, step.address(1));
  if (precompile === 0) {
    if (walk.rules !== null && used !== 0) {
      walk.fail("steps_of_call", "steps of the callee", "none", next.index);
    }
    return success;
  }
  if (success) {
    checkPrice(walk, step, precompile, { used, given });
    return true;
  }
  if (walk.rules === null) return !walk.cursor.notEntered(child);
  if (used === given && !walk.cursor.notEntered(child)) return true;
  if (used !== 0) walk.fail("precompile_gas", `0 or ${given}`, used, next.index);
  return false;
}

function checkPrice(
  walk: WalkState,
  step: Step,
  precompile: number,
  { used, given }: { used: number; given: number },
): void {
  if (walk.rules === null) return;
  const inputBytes = step.words[stackPops[step.op] === 7 ? 4 : 3]!;
  const price = precompilePrice(walk.rules.fork, precompile, inputBytes);
  const isRight = price === null ? used >= 0 && used <= given : used === price;
  if (!isRight) walk.fail("precompile_gas", price ?? `0 to ${given}`, used, step.index);
}
