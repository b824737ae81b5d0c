import { memoryWordsAfter } from "./memory.ts";
import {
  INVALID,
  JUMP,
  JUMPDEST,
  JUMPI,
  knownOperationNames,
  pushedBytes,
  stackDelta,
  stackPops,
  UNDEFINED,
} from "./opcodes.ts";
import type { OpenFrame } from "./open-frames.ts";
import type { Step } from "./step.ts";
import type { WalkState } from "./walk-state.ts";

/** Whether nothing can follow the step in its frame and all its gas is gone (traces, section 6, rule 4). */
export function mustHalt(walk: WalkState, step: Step): boolean {
  if (step.error !== null && step.error !== "execution reverted") return true;
  if (step.gasCost > step.gas) return true;
  return walk.rules === null ? isAlwaysInvalid(step.op) : walk.rules.alwaysHalts[step.op] === 1;
}

/** Opcodes that halt under every fork. */
export function isAlwaysInvalid(operation: number): boolean {
  return operation === INVALID || operation === UNDEFINED;
}

/** The stack's height after a step is what its opcode pops and pushes. */
export function checkHeight(walk: WalkState, step: Step, next: Step): void {
  if (step.op >= knownOperationNames.length) {
    walk.unknownOperations.add(walk.name(step.op));
    return;
  }
  const needed = stackPops[step.op]!;
  if (step.height < needed) {
    walk.fail("stack", `at least ${needed} words`, step.height, step.index);
  }
  const height = step.height + stackDelta[step.op]!;
  if (next.height !== height) walk.fail("stack", `${height} words`, next.height, next.index);
}

/** The next step stands where the last one leads: behind it, or at the end of its jump. */
export function checkPlace(walk: WalkState, step: Step, next: Step): void {
  const { op } = step;
  if (op !== JUMP && (op !== JUMPI || step.digits[1] === 0))
    return checkNextPlace(walk, step, next);
  if (next.op !== JUMPDEST) walk.fail("jump", "a JUMPDEST", walk.name(next.op), next.index);
  if (next.pc !== step.words[0]) walk.fail("jump", `pc ${step.words[0]}`, next.pc, next.index);
}

/** The next step stands right behind the last one. */
export function checkNextPlace(walk: WalkState, step: Step, next: Step): void {
  if (step.op >= knownOperationNames.length) return;
  const pc = step.pc + 1 + pushedBytes[step.op]!;
  if (next.pc !== pc) walk.fail("pc", pc, next.pc, next.index);
}

/** Checks what a step that neither halts nor calls cost, and lets its frame's memory grow. */
export function checkCost(walk: WalkState, step: Step, frame: OpenFrame): void {
  const before = frame.memoryWords;
  const words = memoryWordsAfter(step, before);
  frame.memoryWords = words;
  if (walk.rules === null) return;
  const expected = walk.rules.wrongCost(step, before, words);
  if (expected >= 0) walk.fail("gas_cost", expected, step.gasCost, step.index);
}

/** Gas between two steps of one frame; the cost alone where the counter rose (2.1). */
export function gasBetween(step: Step, next: Step): number {
  return step.gas >= next.gas ? step.gas - next.gas : step.cappedGasCost;
}

/** The flag that a call leaves on the stack of the step after it. */
export function callSucceeded(walk: WalkState, next: Step): boolean {
  if (next.height < 1) walk.fail("stack", "the outcome of a call", "an empty stack", next.index);
  return next.digits[0] !== 0;
}
