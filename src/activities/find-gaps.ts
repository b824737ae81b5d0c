import { activityInfo, log } from "@temporalio/activity";
import type { BlockRange } from "../domain/block-range.ts";
import type { LedgerRow } from "../domain/ledger.ts";
import { type LedgerOrigin, nextLedgerRow } from "../domain/ledger-transition.ts";
import { dataTables } from "../domain/processor.ts";
import type { FindGapsInput, FindGapsResult } from "../workflows/index-activities.ts";
import type { Dependencies, ExpectedRange, Miscount } from "./ports.ts";

type Needs = Pick<
  Dependencies,
  "announcer" | "ledger" | "ranges" | "recounts" | "rows" | "meters" | "isWorkflowOpen" | "now"
>;

/**
 * Finds what has to be done besides the running jobs. Ranges whose workflow is gone are noted as abandoned, so that
 * gap-fill takes them over; stored rows are counted again, as many as one round may; safe to repeat.
 */
export function createFindGaps(needs: Needs) {
  const { ledger, ranges, meters, isWorkflowOpen, now } = needs;
  return async function findGaps(input: FindGapsInput): Promise<FindGapsResult> {
    const { network, processors, limit } = input;
    const noted = await ranges.read(network);
    const running = noted.filter(({ state }) => state === "running");
    const open = await openWorkflows(running, isWorkflowOpen);
    const closed = running.filter(({ workflowId }) => !open.has(workflowId));
    const last = closed.length > 0 ? await ranges.read(network) : [];
    const ended = new Map(closed.map((range) => [range, lastNoteOf(range, last)]));
    const expected = noted.map((range) => ended.get(range) ?? range);
    const abandoned = [...ended.values()].filter(({ state }) => state === "running");
    if (abandoned.length > 0) {
      await ranges.write(abandoned.map((range) => ({ ...range, state: "abandoned" as const })));
    }
    await recountSome(needs, input).catch(noteRecountFault);
    const inHand = running.filter(({ workflowId }) => open.has(workflowId)).flatMap(toHand);
    const query = { network, processors, expected, inHand, limit, now: now().toISOString() };
    const { byProcessor, ...gaps } = await ledger.findGaps(query);
    meters.gaps(network, byProcessor);
    return needs.announcer === undefined ? gaps : { ...gaps, isAnnounced: true };
  };
}

/** A job notes what became of it before it ends: it may have done so since the first look. */
function lastNoteOf(range: ExpectedRange, last: readonly ExpectedRange[]): ExpectedRange {
  const isSame = ({ processor, workflowId }: ExpectedRange) =>
    processor === range.processor && workflowId === range.workflowId;
  return last.find(isSame) ?? range;
}

async function openWorkflows(
  running: readonly ExpectedRange[],
  isWorkflowOpen: Needs["isWorkflowOpen"],
): Promise<ReadonlySet<string>> {
  const open = new Set<string>();
  for (const workflowId of new Set(running.map((range) => range.workflowId))) {
    if (await isWorkflowOpen(workflowId)) open.add(workflowId);
  }
  return open;
}

/** What follow has in hand lies above its cursor, where nothing is expected yet; a gap below it is nobody's. */
function toHand({ fromBlock, toBlock }: ExpectedRange): BlockRange[] {
  return toBlock === null ? [] : [{ fromBlock, toBlock }];
}

/** Counts stored rows again; blocks that lost or gained some are due at once, and out of the views until then. */
async function recountSome(needs: Needs, { network, processors }: FindGapsInput): Promise<void> {
  const miscounts = await needs.recounts.recountNext({ network, processors });
  for (const miscount of miscounts.flatMap(cut)) {
    const wrong = await confirm(needs, network, miscount);
    if (wrong.length === 0) continue;
    const now = needs.now().toISOString();
    await needs.ledger.write(
      wrong.map(({ row, stored }) =>
        nextLedgerRow({
          key: { network, processor: row.processor, blockNumber: row.blockNumber },
          previous: row,
          event: {
            kind: "miscounted",
            now,
            message: `${dataTables[row.processor]}: ${stored} rows stored, ${row.rowCount} expected`,
          },
          origin: origin(),
        }),
      ),
    );
    const blocks = wrong.map(({ row }) => row.blockNumber);
    log.warn("Stored rows are not those that were counted; they are traced again", {
      network,
      processor: miscount.processor,
      blocks: blocks.slice(0, 100),
      count: blocks.length,
    });
  }
}

/** Gaps are closed all the same: what keeps rows from being counted may last. */
function noteRecountFault(error: unknown): void {
  log.warn("Stored rows could not be counted again", { reason: String(error) });
}

/** Blocks that one statement names. */
const blocksPerStatement = 1000;

function cut({ processor, blocks }: Miscount): Miscount[] {
  const parts = Math.ceil(blocks.length / blocksPerStatement);
  return Array.from({ length: parts }, (_, part) => ({
    processor,
    blocks: blocks.slice(part * blocksPerStatement, (part + 1) * blocksPerStatement),
  }));
}

/** Counts the rows of each block's standing attempt once more: it may have got another one meanwhile. */
async function confirm(
  { ledger, rows }: Needs,
  network: string,
  { processor, blocks }: Miscount,
): Promise<{ row: LedgerRow; stored: number }[]> {
  const standing = await ledger.readBlocks(network, [processor], blocks);
  const complete = standing.filter(({ status }) => status === "complete");
  const stored = await rows.countRows(dataTables[processor], complete);
  return complete
    .map((row) => ({ row, stored: stored.get(row.attemptId) ?? 0 }))
    .filter(({ row, stored: count }) => count !== row.rowCount);
}

function origin(): LedgerOrigin {
  const { workflowExecution } = activityInfo();
  const workflowId = workflowExecution?.workflowId ?? "";
  return {
    workflowId,
    runId: workflowExecution?.runId ?? "",
    reason: "recount of stored rows",
    actor: workflowId,
  };
}
