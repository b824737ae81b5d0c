import type { BlockRange } from "../domain/block-range.ts";
import type { FindGapsInput, FindGapsResult } from "../workflows/messages.ts";
import type { Dependencies, ExpectedRange } from "./ports.ts";

type Needs = Pick<Dependencies, "ledger" | "ranges" | "isWorkflowOpen" | "now">;

/**
 * Finds what has to be done besides the running jobs. Ranges whose workflow is gone are noted as abandoned, so that
 * gap-fill takes them over; safe to repeat.
 */
export function createFindGaps({ ledger, ranges, isWorkflowOpen, now }: Needs) {
  return async function findGaps(input: FindGapsInput): Promise<FindGapsResult> {
    const { network, processors, limit } = input;
    const expected = await ranges.read(network);
    const running = expected.filter(({ state }) => state === "running");
    const open = await openWorkflows(running, isWorkflowOpen);
    const abandoned = running.filter(({ workflowId }) => !open.has(workflowId));
    if (abandoned.length > 0) {
      await ranges.write(abandoned.map((range) => ({ ...range, state: "abandoned" as const })));
    }
    const inHand = running.filter(({ workflowId }) => open.has(workflowId)).flatMap(toHand);
    const query = { network, processors, expected, inHand, limit, now: now().toISOString() };
    return ledger.findGaps(query);
  };
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
