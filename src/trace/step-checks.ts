import { INVALID, knownOperationNames, pushedBytes, REVERT, UNDEFINED } from "./opcodes.ts";
import type { Step } from "./step.ts";
import type { WalkState } from "./walk-state.ts";

/** Whether nothing can follow the step in its frame and all its gas is gone (traces, section 6, rule 4). */
export function mustHalt(walk: WalkState, step: Step): boolean {
  if (step.error !== null && !isRevertText(step)) return true;
  if (step.gasCost > step.gas) return true;
  return walk.rules === null ? isAlwaysInvalid(step.op) : walk.rules.alwaysHalts[step.op] === 1;
}

/** Some clients give REVERT an error of its own; it ends its frame without a halt all the same. */
function isRevertText(step: Step): boolean {
  return step.op === REVERT && /revert/i.test(step.error ?? "");
}

/** Opcodes that halt under every fork. */
export function isAlwaysInvalid(operation: number): boolean {
  return operation === INVALID || operation === UNDEFINED;
}

/** Whether no opcode has the step's name: nothing is known of its stack, place and gas. */
export function isUnknownOperation(step: Step): boolean {
  return step.op >= knownOperationNames.length;
}

/** The next step stands right behind the last one. */
export function checkNextPlace(walk: WalkState, step: Step, next: Step): void {
  if (isUnknownOperation(step)) return;
  const pc = step.pc + 1 + pushedBytes[step.op]!;
  if (next.pc !== pc) walk.fail("pc", pc, next.pc, next.index);
}

/** Gas between two steps of one frame; the cost alone where the counter rose (2.1). */
export function gasBetween(step: Step, next: Step): number {
  return step.gas >= next.gas ? step.gas - next.gas : step.cappedGasCost;
}
