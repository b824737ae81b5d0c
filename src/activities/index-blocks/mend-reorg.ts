import { log } from "@temporalio/activity";
import type { BlockRef, Hex } from "../../domain/chain.ts";
import type { LedgerRow } from "../../domain/ledger.ts";
import type { Processor } from "../../domain/processor.ts";
import { type BranchComparison, chains, planReorg, type ReorgPlan } from "../../domain/reorg.ts";
import { NodeUnavailableError } from "../../errors.ts";
import { pause, untilAborted } from "./abortable.ts";
import { noReorg } from "./book-rows.ts";
import { askRefs, refsOf, settle, writeLedger } from "./commit.ts";
import { checkFinalRows, compareWithNode } from "./compare-with-node.ts";
import { findEarlierAttempts } from "./earlier-attempts.ts";
import { fetchBlock } from "./fetch-block.ts";
import type { FailedBlock, TracedBlock } from "./outcome.ts";
import { type Run, takeInHand } from "./run.ts";
import { toFailedBlock, toLostBlock, traceBlock } from "./trace-block.ts";

/** Plans in a row that the chain overtook before they were written. */
const maximumUnrest = 10;
const unrestMs = 200;
/** The most retracted numbers that one mending brings back with their branch; the rest is indexed as usual. */
const returningBlocks = 1000;
/** Numbers between those of a plan that are looked at for blocks in quarantine: the newest. */
const mostBetween = 1000;

/**
 * Moves the ledger to the node's branch after a block whose parent did not fit: rows of the new branch first, then one
 * insert that re-points every number. Blocks of a branch that came back are not traced again. Idempotent; ends only
 * when a comparison finds nothing more, so that a reorg in the middle of it is followed too.
 * @returns the head of the new branch, the lowest one where it moved on meanwhile: blocks above it may be gone. null
 * where the ledger agrees with the node.
 * @throws {ReorgBeyondFinalityError}
 */
export async function mendReorg(run: Run, blockNumber: number): Promise<number | null> {
  const traced = new Map<Hex, TracedBlock>();
  let suspect = blockNumber;
  let mendedTo: number | null = null;
  for (let unrest = 0; unrest < maximumUnrest; ) {
    const comparison = await compareWithNode(run, suspect);
    if (comparison.stale.length === 0) {
      if (mendedTo === null) await lookAgain(run, suspect);
      return mendedTo;
    }
    const head = await untilAborted(run.network.node.head("latest", run.signal), run.signal);
    const found = planReorg(comparison, { suspect, head: head?.number ?? -1 });
    const plan = await withQuarantined(run, found);
    if (await applyPlan(run, { plan, comparison, head, traced })) {
      const reached = head?.number ?? plan.ancestor;
      mendedTo = Math.min(mendedTo ?? reached, reached);
      // A suspect above blocks that were retracted would stand alone if the branch grows again before the next look.
      suspect = Math.min(suspect, reached + 1);
      unrest = 0;
      continue;
    }
    unrest += 1;
    await pause(unrestMs, run.signal);
  }
  throw new NodeUnavailableError({
    node: run.network.node.name,
    method: "eth_getBlockByNumber",
    reason: `its blocks around ${suspect} do not chain or keep changing`,
  });
}

/** What this run knows may be older than what another one mended meanwhile. */
async function lookAgain(run: Run, suspect: number): Promise<void> {
  await run.view.loadBlocks([suspect - 1, suspect, suspect + 1].filter((number) => number >= 0));
  await checkFinalRows(run, suspect);
}

/** What was said of a block in quarantine was said of the branch that is left; nobody else would try the new one's. */
async function withQuarantined(run: Run, plan: ReorgPlan): Promise<ReorgPlan> {
  const top = plan.reindex.at(-1) ?? plan.ancestor;
  const lowest = Math.max(plan.ancestor + 1, top - mostBetween + 1);
  const between = Array.from({ length: Math.max(0, top - lowest + 1) }, (_, i) => lowest + i);
  await run.view.loadBlocks(between);
  const quarantined = between.filter((number) =>
    run.view.rows(number).some(({ status }) => status === "quarantined"),
  );
  const reindex = [...new Set([...plan.reindex, ...quarantined])].toSorted((a, b) => a - b);
  return { ...plan, reindex };
}

type Mending = {
  readonly plan: ReorgPlan;
  readonly comparison: BranchComparison;
  readonly head: BlockRef | null;
  /** Blocks of the new branch that were traced for an earlier plan of the same mending, by hash. */
  readonly traced: Map<Hex, TracedBlock>;
};

/** Indexes the new branch and re-points the ledger in one insert; false if the chain or the ledger moved meanwhile. */
async function applyPlan(run: Run, mending: Mending): Promise<boolean> {
  const { plan, comparison } = mending;
  await run.view.loadBlocks([...plan.reindex, ...plan.retract]);
  const returned = await findReturned(run, mending);
  const branch = await collectBranch(run, mending, returned);
  if (branch === null) return false;
  const { outcomes, restored } = branch;
  run.heart.putDown();
  const restoredRefs = [...restored.values()].flatMap(([row]) => (row ? [toRef(row)] : []));
  // What stays must still be the node's too: the chain may have moved again since the comparison.
  const staying = [comparison.ancestor, comparison.highest].filter((ref) => ref !== null);
  const points = [...refsOf(outcomes), ...restoredRefs, ...staying];
  const settled = await settle(run, outcomes, points);
  if (settled.moved !== null) return false;
  const touched = [...plan.reindex, ...plan.retract, ...returned.keys()];
  // Somebody else, such as a backfill at the head, may have mended the same reorg.
  if (await run.view.loadBlocks(touched)) return false;
  const { depth } = plan;
  await writeLedger(run, settled.outcomes, {
    reorged: new Set([...plan.reindex, ...restored.keys()]),
    retracted: plan.retract,
    restored,
    reason: `reorg of depth ${depth} above block ${plan.ancestor}`,
  });
  const facts = { depth, ancestor: plan.ancestor };
  run.progress.addReorg(facts);
  run.dependencies.meters.reorg(run.network.name, depth);
  const counts = { retracted: plan.retract.length, restored: restored.size };
  log.info("Followed a reorg", { network: run.network.name, ...facts, ...counts });
  return true;
}

type Branch = {
  readonly outcomes: readonly (TracedBlock | FailedBlock)[];
  readonly restored: ReadonlyMap<number, readonly LedgerRow[]>;
};

/** Traces the blocks of the new branch, oldest first; null where it does not chain any more. */
async function collectBranch(
  run: Run,
  { plan, comparison, traced }: Mending,
  returned: ReadonlyMap<number, readonly LedgerRow[]>,
): Promise<Branch | null> {
  const refs = await askRefs(run, plan.reindex);
  const earlier = await findEarlierAttempts(run, refs, (number) => processorsAt(run, number));
  const outcomes: (TracedBlock | FailedBlock)[] = [];
  let below = comparison.ancestor ?? undefined;
  for (const blockNumber of plan.reindex) {
    const [row] = earlier.get(blockNumber) ?? [];
    const outcome = row ? null : await indexOnBranch(run, blockNumber, traced);
    const ref = outcome ? refsOf([outcome])[0] : row && toRef(row);
    if (ref === undefined || !chains(below, ref)) return null;
    below = ref;
    if (outcome) outcomes.push(outcome);
  }
  return { outcomes, restored: new Map([...earlier, ...returned]) };
}

async function indexOnBranch(
  run: Run,
  blockNumber: number,
  traced: Map<Hex, TracedBlock>,
): Promise<TracedBlock | FailedBlock> {
  takeInHand(run, blockNumber);
  const wanted = processorsAt(run, blockNumber);
  const fetched = await fetchBlock(run, blockNumber);
  if (fetched.kind === "unfetched") return toFailedBlock(fetched, wanted);
  const { resumption } = run;
  if (resumption.kind === "skip" && resumption.inHand.blockNumber === blockNumber) {
    return toLostBlock(resumption.inHand, fetched.ref, wanted);
  }
  const known = traced.get(fetched.ref.hash);
  if (known && wanted.every((processor) => known.processors.includes(processor))) return known;
  const outcome = await traceBlock(run, fetched, wanted);
  if (outcome.kind === "traced") traced.set(fetched.ref.hash, outcome);
  return outcome;
}

/** Whose rows a block of the new branch needs: also of processors that this run was not asked for, so that none loses its rows. */
function processorsAt(run: Run, blockNumber: number): readonly Processor[] {
  const standing = run.view
    .rows(blockNumber)
    .map(({ processor }) => processor)
    .filter((processor) => run.network.processors.includes(processor));
  return [...new Set([...run.processors, ...standing])];
}

/**
 * Names the old attempt of a retracted block whose branch came back: the node has it again, and it fits what stands
 * around it. Idempotent.
 * @returns false where it has to be traced; nothing was changed then.
 */
export async function bringBack(run: Run, blockNumber: number): Promise<boolean> {
  if (run.input.force || !isRetracted(run, blockNumber)) return false;
  const [ref] = await askRefs(run, [blockNumber]);
  if (ref === undefined || !fitsStored(run, ref)) return false;
  const restored = await findEarlierAttempts(run, [ref], (number) => processorsAt(run, number));
  if (restored.size === 0 || (await run.view.loadBlocks([blockNumber]))) return false;
  await writeLedger(run, [], { ...noReorg, restored, reason: "its branch came back" });
  return true;
}

function fitsStored({ view }: Run, ref: BlockRef): boolean {
  return (
    view.completeRefs(ref.number - 1).every((below) => chains(below, ref)) &&
    view.completeRefs(ref.number + 1).every((above) => chains(ref, above))
  );
}

/** Numbers right above the plan that an earlier reorg retracted, where the node has the same block again. */
async function findReturned(
  run: Run,
  { plan, head }: Mending,
): Promise<ReadonlyMap<number, readonly LedgerRow[]>> {
  const first = (plan.reindex.at(-1) ?? plan.ancestor) + 1;
  if (head === null || head.number < first) return new Map();
  const numbers = Array.from(
    { length: Math.min(head.number - first + 1, returningBlocks) },
    (_, i) => first + i,
  );
  await run.view.loadBlocks(numbers);
  const end = numbers.findIndex((number) => !isRetracted(run, number));
  const retracted = end === -1 ? numbers : numbers.slice(0, end);
  const refs = await askRefs(run, retracted);
  const earlier = await findEarlierAttempts(run, refs, (number) => processorsAt(run, number));
  const gap = retracted.findIndex((number) => !earlier.has(number));
  const contiguous = new Set(gap === -1 ? retracted : retracted.slice(0, gap));
  return new Map([...earlier].filter(([number]) => contiguous.has(number)));
}

/** Whether an earlier reorg took the number away, and nothing stands there since. */
export function isRetracted(run: Run, blockNumber: number): boolean {
  const rows = run.view.rows(blockNumber);
  return rows.length > 0 && rows.every(({ status }) => status === "retracted");
}

function toRef({ blockNumber, blockHash, parentHash }: LedgerRow): BlockRef {
  return { number: blockNumber, hash: blockHash, parentHash };
}
