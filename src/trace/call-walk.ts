import { type EndedFrame, endFrame, type FrameEnd } from "./frame-end.ts";
import type { Forwarding } from "./gas-rules.ts";
import { isCreate, STATICCALL } from "./opcodes.ts";
import type { OpenFrame } from "./open-frames.ts";
import { precompileAt, precompilePrice } from "./precompiles.ts";
import type { Step } from "./step.ts";
import { checkNextPlace, gasBetween } from "./step-checks.ts";
import type { WalkState } from "./walk-state.ts";

/** `next` is the first step of a frame: every frame starts at pc 0 with an empty stack. */
export function beginFrame(walk: WalkState, next: Step): OpenFrame {
  if (next.pc !== 0) walk.fail("frame_start", "pc 0", `pc ${next.pc}`, next.index);
  walk.form.checkFrameStart(walk, next);
  const frame = walk.open.open();
  frame.firstGas = next.gas;
  return frame;
}

/** `step` calls or creates, `next` is the callee's first step. */
export function enterCall(walk: WalkState, step: Step, next: Step): void {
  const isCreation = isCreate[step.op] === 1;
  const caller = walk.open.current;
  const child = takeChild(walk, step);
  const { overhead, forwarded, given } = takeForwarding(walk, step, child);
  walk.checkGas("call_gas", given, next.gas, next.index);
  walk.checkGas("call_gas", walk.table.gas[child]!, next.gas, next.index);
  caller.call.copyFrom(step);
  caller.callTarget = isCreation ? null : walk.form.calledAddress(walk, step, child);
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
  const success = walk.form.succeeded(walk, next, frame.tablePosition);
  const end = endFrame(walk, step, success);
  checkTableEnd(walk, frame, { end, step });
  const { gasUsedSum, tablePosition } = frame;
  const callTo =
    walk.open.at(walk.open.depth - 1).callTarget ??
    walk.form.createdAddress(walk, next, tablePosition);
  if (walk.aggs !== null) addCallee(walk, callTo, end);
  walk.open.close();
  const caller = walk.open.current;
  const { call } = caller;
  walk.checkGas("return_gas", caller.callKeeps + end.left, next.gas, next.index);
  walk.form.checkHeight(walk, call, next);
  checkNextPlace(walk, call, next);
  const gasUsed = gasBetween(call, next);
  caller.gasUsedSum += gasUsed;
  const gasSelf = Math.max(0, gasUsed - gasUsedSum);
  walk.rows.addStep(call, { gasUsed, gasSelf, error: call.error, callTo }, walk.open);
  walk.aggs?.addCall(call.op, caller, { gas: gasSelf, gasUsed });
}

/** The frame that runs came to its end: its rows leave, and its caller knows its gas. */
function addCallee(walk: WalkState, target: string, end: EndedFrame): void {
  const { open } = walk;
  const frame = open.current;
  const caller = open.at(open.depth - 1);
  walk.aggs?.addFrame(
    {
      id: frame.id,
      depth: open.depth,
      target,
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

type TableEnd = { readonly end: FrameEnd; readonly step: Step };

function checkTableEnd(walk: WalkState, frame: OpenFrame, { end, step }: TableEnd): void {
  const position = frame.tablePosition;
  if (walk.cursor.child(position) >= 0) {
    walk.fail("call_tree", "no more frames", "a callTracer frame without steps", step.index);
  }
  const used = frame.firstGas - end.left;
  walk.checkGas("call_gas_used", walk.table.gasUsed[position]!, used, step.index);
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
  walk.cursor.take();
  return child;
}

/** What a call or creation costs and hands on; its frame keeps what its own row needs of it. */
function takeForwarding(walk: WalkState, step: Step, child: number): Forwarding {
  const frame = walk.open.current;
  frame.callWordsBefore = frame.memoryWords;
  const forwarding = walk.form.forwarding(walk, step, child);
  frame.callColdAccesses = forwarding.coldAccesses;
  return forwarding;
}

/** A call or creation whose next step has the same depth: no step ran in between, and none is missing. */
export function passOverCall(walk: WalkState, step: Step, next: Step): void {
  checkNextPlace(walk, step, next);
  const child = takeChild(walk, step);
  const { overhead, forwarded, given } = takeForwarding(walk, step, child);
  const success = walk.form.succeeded(walk, next, child);
  const used = given - (next.gas - (step.gas - overhead - forwarded));
  const isCreation = isCreate[step.op] === 1;
  const callTo = isCreation
    ? walk.form.createdAddress(walk, next, child)
    : walk.form.calledAddress(walk, step, child);
  const call: PassedOver = { step, next, child, used, given, success, callTo };
  const hasFrame = isCreation ? checkEmptyCreation(walk, call) : checkEmptyCall(walk, call);
  if (hasFrame) {
    walk.checkGas("call_gas", walk.table.gas[child]!, given, step.index);
    walk.checkGas("call_gas_used", walk.table.gasUsed[child]!, used, step.index);
  }
  const gasUsed = gasBetween(step, next);
  walk.open.current.gasUsedSum += gasUsed;
  walk.rows.addStep(step, { gasUsed, gasSelf: gasUsed, error: step.error, callTo }, walk.open);
  const ownGas = hasFrame ? gasUsed - used : gasUsed;
  walk.aggs?.addCall(step.op, walk.open.current, { gas: ownGas, gasUsed });
  if (hasFrame) addEmptyFrame(walk, call);
}

/** A frame that ran no step: an account without code, a precompile, empty init code (2.5). */
function addEmptyFrame(walk: WalkState, call: PassedOver): void {
  const { step, used, success, callTo: target } = call;
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
  /** The address that it calls or created. */
  readonly callTo: string;
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
  const { used, given, success, child, next } = call;
  const precompile = precompileAt(walk.addressFork, call.callTo);
  if (precompile === 0) {
    if (walk.rules !== null && used !== 0) {
      walk.fail("steps_of_call", "steps of the callee", "none", next.index);
    }
    return success;
  }
  if (success) {
    checkPrice(walk, call, precompile);
    return true;
  }
  if (walk.rules === null) return !walk.cursor.notEntered(child);
  if (used === given && !walk.cursor.notEntered(child)) return true;
  if (used !== 0) walk.fail("precompile_gas", `0 or ${given}`, used, next.index);
  return false;
}

function checkPrice(walk: WalkState, call: PassedOver, precompile: number): void {
  if (walk.rules === null) return;
  const { step, child, used, given } = call;
  const inputBytes = walk.form.inputBytes(walk, step, child);
  const price = precompilePrice(walk.rules.fork, precompile, inputBytes);
  const isRight = price === null ? used >= 0 && used <= given : used === price;
  if (!isRight) walk.fail("precompile_gas", price ?? `0 to ${given}`, used, step.index);
}
