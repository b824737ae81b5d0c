import { type EndedFrame, endFrame, type FrameEnd } from "./frame-end.ts";
import { type Charge, possibleGasUsed, possibleGasUsedWithoutSteps } from "./gas-identity.ts";
import { CREATE, RETURN, REVERT, SELFDESTRUCT } from "./opcodes.ts";
import { precompileAt, precompilePrice } from "./precompiles.ts";
import type { Step } from "./step.ts";
import type { TraceHead } from "./step-scanner.ts";
import { malformed, mismatch, type TraceRejected } from "./trace-rejected.ts";
import { AUTHORIZATION_REFUND, type TransactionGas } from "./transaction-facts.ts";
import type { WalkState } from "./walk-state.ts";

/** Rules 1 and 2: the trace is this transaction's, and says of it what its receipt and the callTracer say. */
export function checkHead(walk: WalkState, head: TraceHead): void {
  const { facts, failed, table, root, cursor } = walk;
  if (head.txHash !== null && head.txHash !== facts.hash) {
    walk.fail("transaction_hash", facts.hash, head.txHash);
  }
  if (!head.hasSteps) {
    throw malformed("structLogs", "a result has no structLogs", { transactionIndex: facts.index });
  }
  checkGasUsed(walk, head);
  if (head.failed !== failed) walk.fail("trace_failed", failed, head.failed);
  if (cursor.succeeded(root) === failed) {
    walk.fail("call_outcome", failed ? "an error in the callTracer" : "success", "the other");
  }
  const type = table.operation[root]!;
  if ((type === CREATE) !== facts.isCreation) {
    walk.fail("call_tree", facts.isCreation ? "a CREATE root" : "a CALL root", walk.name(type));
  }
  const wrong = walk.returnValue.wrong();
  if (wrong !== null) walk.fail("return_value", wrong.expected, wrong.actual);
}

function checkGasUsed(walk: WalkState, head: TraceHead): void {
  const { quirks, facts, table, root } = walk;
  const gas = quirks.gasIsCumulative ? facts.cumulativeGasUsed : facts.gasUsed;
  const maySayBlocks = !quirks.isMeasured && head.gas === facts.cumulativeGasUsed;
  if (head.gas !== gas && !maySayBlocks) walk.fail("trace_gas", gas, head.gas);
  if (quirks.isMeasured && table.gasUsed[root] !== gas) {
    walk.fail("call_gas_used", gas, table.gasUsed[root]);
  }
}

/** Rules 4g and 5: the last step ends the root, the call tree is used up, and the gas adds up to the receipt's. */
export function endLastStep(walk: WalkState, step: Step, firstRefund: number): void {
  if (step.depth !== 1) walk.fail("last_step", "depth 1", `depth ${step.depth}`, step.index);
  const end = endFrame(walk, step, !walk.failed);
  checkReturnSize(walk, step, end);
  if (walk.cursor.child(walk.root) >= 0) {
    walk.fail("call_tree", "no more frames", "a callTracer frame without steps", step.index);
  }
  const gasRefund = refundOf(walk, step, { left: end.left, firstRefund });
  addRoot(walk, end, gasRefund);
}

/** Rule 5: the refund with which the gas adds up to the receipt's; NaN where no gas rule is known. */
function refundOf(
  walk: WalkState,
  step: Step,
  { left, firstRefund }: { readonly left: number; readonly firstRefund: number },
): number {
  const { gas, facts, quirks } = walk;
  if (gas === null) return Number.NaN;
  const rootEnd = {
    failed: walk.failed,
    left,
    firstRefund,
    lastRefund: refundCounter(step),
    lastIsSelfdestruct: step.op === SELFDESTRUCT,
  };
  const possible = possibleGasUsed(rootEnd, facts, gas, quirks);
  const charge =
    possible.find(({ gasUsed }) => gasUsed === facts.gasUsed) ??
    inferCharge(walk, { left, counter: rootEnd.lastRefund });
  if (charge === undefined) {
    const expected = possible.map(({ gasUsed }) => gasUsed).join(" or ");
    return walk.fail("gas_identity", expected, facts.gasUsed, step.index);
  }
  // The counter of geth's first step is 12500 for each authorisation whose account existed.
  const existing = firstRefund / AUTHORIZATION_REFUND;
  const isPossible = Number.isInteger(existing) && existing <= facts.authorizations;
  if (quirks.refundHoldsAuthorizations && !isPossible) {
    walk.fail("refund", `12500 for at most ${facts.authorizations}`, firstRefund, 0);
  }
  return charge.refund;
}

/**
 * What a client charges that sends no refund counter (besu, old erigon): any refund up to the cap; undefined for another
 * client. NaN refund: the floor hides it.
 */
function inferCharge(
  walk: WalkState,
  { left, counter }: { readonly left: number; readonly counter: number },
): Charge | undefined {
  const { gas, facts, quirks } = walk;
  if (gas === null || quirks.isMeasured || counter !== 0) return undefined;
  const before = facts.gasLimit - left;
  const refund = before - facts.gasUsed;
  const isWithin = refund >= 0 && refund <= Math.floor(before / gas.refundDivisor);
  if (!isWithin) return undefined;
  walk.inferredRefunds = true;
  return { gasUsed: facts.gasUsed, refund: facts.gasUsed === gas.floor ? Number.NaN : refund };
}

/** The rows of the root frame, all its steps being known. */
function addRoot({ aggs, facts, open }: WalkState, end: EndedFrame, gasRefund: number): void {
  if (aggs === null) return;
  const { firstGas, totals } = open.current;
  // No opcode holds the deposit of a creation transaction's code, so its frame does (traces, section 3).
  const keepsCode = facts.isCreation && !end.failed;
  const gasCumulative = keepsCode ? firstGas - end.left : end.gasCumulative;
  const root = {
    id: 0,
    depth: 1,
    target: facts.to,
    callType: 0,
    failed: end.failed,
    gas: Math.max(0, gasCumulative - totals.childrenGas),
    gasCumulative,
    gasRefund,
    intrinsicGas: facts.gasLimit - firstGas,
  };
  aggs.addFrame(root, totals, open);
}

/**
 * The row of a transaction that ran no code: gas beyond the intrinsic went to a precompile or was burned, gas short
 * of it was refunded (7702). Where no gas rule is known, neither can be told apart.
 */
export function addRootWithoutSteps(walk: WalkState): void {
  const { facts, failed, gas: rules } = walk;
  const intrinsic = rules?.intrinsic ?? Number.NaN;
  const mayUseGas = failed || isToPrecompile(walk);
  const gas = mayUseGas && rules !== null ? Math.max(0, facts.gasUsed - intrinsic) : 0;
  walk.aggs?.addEmptyFrame(
    {
      id: 0,
      depth: 1,
      target: facts.to,
      callType: 0,
      failed,
      gas,
      gasCumulative: gas,
      gasRefund: rules === null ? Number.NaN : Math.max(0, intrinsic + gas - facts.gasUsed),
      intrinsicGas: intrinsic,
    },
    walk.open,
  );
}

/** The counter at a step as a number: 0 where the node gave one that UInt64 does not hold. */
function refundCounter(step: Step): number {
  if (Number.isNaN(step.refund)) return 0;
  return step.refund === -1 ? Number(step.exactRefund) : step.refund;
}

function checkReturnSize(walk: WalkState, step: Step, end: FrameEnd): void {
  if (end.halted || (step.op !== RETURN && step.op !== REVERT)) return;
  const size = walk.form.returnedBytes(step);
  if (size === null) return;
  const { facts, returnValue } = walk;
  const { bytes } = returnValue;
  // Frontier keeps a creation whose code it cannot pay, without the code; an unknown fork may do so.
  if (bytes === 0 && (walk.fork === null || (walk.fork === "frontier" && facts.isCreation))) return;
  if (size !== bytes) walk.fail("return_value", `${size} bytes`, `${bytes} bytes`, step.index);
}

/**
 * Rule 3: what contradicts that a transaction without steps ran no code; null where nothing does.
 * It is for the caller to say whether that is one hole or a node that traces no steps at all.
 */
export function findMissingSteps(walk: WalkState): TraceRejected | null {
  const { facts, gas } = walk;
  const paid = gas === null ? mayRunNoCode(walk) : paysForNoCode(walk, gas);
  const ranCode = walk.cursor.child(walk.root) >= 0 || !paid;
  if (!ranCode) return null;
  return mismatch("steps_of_transaction", {
    expected: `steps of ${facts.to ?? "a creation"} (gas used ${facts.gasUsed})`,
    actual: "none",
    transactionIndex: facts.index,
  });
}

/** Where no gas rule is known: init code runs, and only what runs can fail. */
function mayRunNoCode(walk: WalkState): boolean {
  const { facts, failed } = walk;
  if (facts.isCreation && facts.input.length > 2) return false;
  return !failed || isToPrecompile(walk);
}

/** A call that came without steps, and of which gas does not tell whether it ran any: its account's code does. */
export type CallWithoutSteps = { readonly transactionIndex: number; readonly to: string };

/** The transaction as such a call; null where it is none, or what was paid tells that no code ran. */
export function callWithoutSteps(walk: WalkState): CallWithoutSteps | null {
  const { facts, gas } = walk;
  if (facts.to === null || walk.failed || isToPrecompile(walk)) return null;
  const isPlain = facts.gasUsed === PLAIN_TRANSFER_GAS && facts.input.length === 2;
  // At the floor (EIP-7623) the same is paid with code and without.
  const isTold = gas === null ? isPlain : facts.gasUsed !== gas.floor || gas.floor <= gas.intrinsic;
  return isTold ? null : { transactionIndex: facts.index, to: facts.to };
}

const PLAIN_TRANSFER_GAS = 21_000;

function isToPrecompile({ addressFork, facts }: WalkState): boolean {
  return facts.to !== null && precompileAt(addressFork, facts.to) > 0;
}

function paysForNoCode(walk: WalkState, gas: TransactionGas): boolean {
  const before = gasOfNoCode(walk, gas);
  if (before === null) return false;
  return possibleGasUsedWithoutSteps(before, walk.facts, gas).some(
    ({ gasUsed }) => gasUsed === walk.facts.gasUsed,
  );
}

/** Gas used before refunds by a transaction that ran no step; null where that cannot be. */
function gasOfNoCode(walk: WalkState, gas: TransactionGas): number | null {
  const { facts } = walk;
  if (gas.precompile === 0) return walk.failed ? null : gas.intrinsic;
  if (walk.failed) return facts.gasLimit;
  const inputBytes = (facts.input.length - 2) / 2;
  const price = precompilePrice(walk.addressFork, gas.precompile, inputBytes);
  if (price !== null) return gas.intrinsic + price;
  // The input's bytes decide the price: all between nothing and the limit is possible.
  const isWithin = facts.gasUsed >= gas.intrinsic && facts.gasUsed <= facts.gasLimit;
  return isWithin ? facts.gasUsed : null;
}
