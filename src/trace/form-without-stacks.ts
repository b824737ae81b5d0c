import { isCreate, JUMP, JUMPDEST, JUMPI } from "./opcodes.ts";
import type { ProofForm } from "./proof-form.ts";
import { checkNextPlace } from "./step-checks.ts";
import type { WalkState } from "./walk-state.ts";

const NO_ADDRESS = `0x${"0".repeat(40)}`;

/** Form B: steps without stacks; targets, outcomes and gas handed on are the callTracer's. */
export const formWithoutStacks: ProofForm<WalkState> = {
  hasStacks: false,

  checkFrameStart() {},
  checkHeight() {},

  checkPlace(walk, step, next) {
    const fallsThrough = next.pc === step.pc + 1 && step.op === JUMPI;
    if ((step.op !== JUMP && step.op !== JUMPI) || fallsThrough) {
      checkNextPlace(walk, step, next);
    } else if (next.op !== JUMPDEST) {
      walk.fail("jump", "a JUMPDEST", walk.name(next.op), next.index);
    }
  },

  checkCost(walk, step) {
    if (walk.rules === null) return;
    const expected = walk.rules.impossibleCost(step);
    if (expected >= 0) {
      walk.fail("gas_cost", `${expected} or what it allows`, step.gasCost, step.index);
    }
  },

  forwarding(walk, step, child) {
    const forwarding = walk.forwardingByTable(step, child);
    if (walk.rules === null) return forwarding;
    const isPossible =
      isCreate[step.op] === 1
        ? walk.rules.isPossibleCreation(step, forwarding)
        : walk.rules.isPossibleCall(step, forwarding);
    if (!isPossible) {
      walk.fail("call_cost", "a cost that the fork knows", step.gasCost, step.index);
    }
    return forwarding;
  },

  succeeded: (walk, _next, child) => walk.cursor.succeeded(child),

  calledAddress: (walk, step, child) =>
    walk.table.target(child) ??
    walk.fail("call_target", "the target of a call", "none", step.index),

  addressOfHaltedCall: () => null,

  createdAddress(walk, next, child) {
    if (!walk.cursor.succeeded(child)) return NO_ADDRESS;
    return (
      walk.table.target(child) ??
      walk.fail("created_address", "the address of a creation", "none", next.index)
    );
  },

  inputBytes: (walk, _step, child) => walk.table.inputBytes[child]!,
  codeBytes: (walk) => walk.table.outputBytes[walk.open.current.tablePosition]!,
  returnedBytes: () => null,
};
