import { type Forwarding, growMemory } from "./gas-rules.ts";
import { memoryWordsAfter } from "./memory.ts";
import { isCall, isCreate, JUMP, JUMPDEST, JUMPI, stackDelta, stackPops } from "./opcodes.ts";
import { precompileAt } from "./precompiles.ts";
import type { ProofForm } from "./proof-form.ts";
import type { Step } from "./step.ts";
import { checkNextPlace, isUnknownOperation } from "./step-checks.ts";
import type { WalkState } from "./walk-state.ts";

/** Form A: every step comes with its stack, and the callTracer's tree is held against it. */
export const formWithStacks: ProofForm<WalkState> = {
  hasStacks: true,

  checkFrameStart(walk, step) {
    if (step.height === 0) return;
    walk.fail("frame_start", "an empty stack", `${step.height} words`, step.index);
  },

  checkHeight(walk, step, next) {
    if (isUnknownOperation(step)) return;
    const needed = stackPops[step.op]!;
    if (step.height < needed) {
      walk.fail("stack", `at least ${needed} words`, step.height, step.index);
    }
    const height = step.height + stackDelta[step.op]!;
    if (next.height !== height) walk.fail("stack", `${height} words`, next.height, next.index);
  },

  checkPlace(walk, step, next) {
    const { op } = step;
    if (op !== JUMP && (op !== JUMPI || step.digits[1] === 0)) {
      checkNextPlace(walk, step, next);
      return;
    }
    if (next.op !== JUMPDEST) walk.fail("jump", "a JUMPDEST", walk.name(next.op), next.index);
    if (next.pc !== step.words[0]) walk.fail("jump", `pc ${step.words[0]}`, next.pc, next.index);
  },

  checkCost(walk, step, frame) {
    const before = frame.memoryWords;
    const words = memoryWordsAfter(step, before);
    frame.memoryWords = words;
    if (walk.rules === null) return;
    const expected = walk.rules.wrongCost(step, before, words);
    if (expected >= 0) walk.fail("gas_cost", expected, step.gasCost, step.index);
  },

  forwarding(walk, step, child) {
    const frame = walk.open.current;
    const { words, expansion } = growMemory(step, frame.memoryWords);
    frame.memoryWords = words;
    return isCreate[step.op] === 1
      ? forwardingOfCreation(walk, step, { child, expansion })
      : forwardingOfCall(walk, step, { child, expansion });
  },

  succeeded(walk, next, child) {
    if (next.height < 1) walk.fail("stack", "the outcome of a call", "an empty stack", next.index);
    const success = next.digits[0] !== 0;
    if (walk.cursor.succeeded(child) !== success) {
      const expected = success ? "success in the callTracer" : "an error in the callTracer";
      walk.fail("call_outcome", expected, "the other", next.index);
    }
    return success;
  },

  calledAddress(walk, step, child) {
    const target = walk.table.target(child);
    const called = step.address(1);
    if (target !== called) walk.fail("call_target", target, called, step.index);
    return called;
  },

  addressOfHaltedCall: (step) =>
    isCall[step.op] === 1 && step.height >= 2 ? step.address(1) : null,

  createdAddress(walk, next, child) {
    const created = next.address(0);
    const target = walk.table.target(child);
    if (walk.cursor.succeeded(child) && target !== null && target !== created) {
      walk.fail("created_address", target, created, next.index);
    }
    return created;
  },

  inputBytes: (_walk, step) => step.words[stackPops[step.op] === 7 ? 4 : 3]!,
  codeBytes: (_walk, step) => step.words[1]!,
  returnedBytes: (step) => step.words[1]!,
};

type CallPlace = { readonly child: number; readonly expansion: number };

function forwardingOfCall(walk: WalkState, step: Step, { child, expansion }: CallPlace) {
  if (walk.rules === null) return walk.forwardingByTable(step, child);
  const isPrecompile = precompileAt(walk.addressFork, step.address(1)) > 0;
  return (
    walk.rules.solveCall(step, expansion, isPrecompile) ??
    walk.fail("call_cost", "a cost that the fork knows", step.gasCost, step.index)
  );
}

function forwardingOfCreation(
  walk: WalkState,
  step: Step,
  { child, expansion }: CallPlace,
): Forwarding {
  if (walk.rules === null) return walk.forwardingByTable(step, child);
  const creation = walk.rules.creation(step, expansion);
  const { overhead, forwarded } = creation;
  // Clients differ in whether the cost holds the gas handed on (1.2).
  const holdsForwarded = step.gasCost === overhead + forwarded;
  if (!holdsForwarded) walk.checkGas("gas_cost", overhead, step.gasCost, step.index);
  return creation;
}
