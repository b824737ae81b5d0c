import { joinFollowRange } from "../domain/follow-range.ts";
import type { RegisterRangeInput } from "../workflows/index-activities.ts";
import type { Dependencies, ExpectedRange } from "./ports.ts";

/**
 * Notes which blocks a job is to index, and whether it still does. Idempotent: the last note of a workflow counts.
 * What an earlier follow of the network noted stays expected.
 */
export function createRegisterRange({ ranges }: Pick<Dependencies, "ranges">) {
  return async function registerRange(input: RegisterRangeInput): Promise<void> {
    const { processors, ...range } = input;
    const wanted = processors.map((processor) => ({ ...range, processor }));
    if (range.origin === "backfill") return ranges.write(wanted);
    const noted = await ranges.read(range.network);
    await ranges.write(wanted.flatMap((one) => joinNotes(noted, one)));
  };
}

function joinNotes(noted: readonly ExpectedRange[], wanted: ExpectedRange): ExpectedRange[] {
  const earlier = noted.find(
    ({ workflowId, processor }) =>
      workflowId === wanted.workflowId && processor === wanted.processor,
  );
  const { fromBlock, apart } = joinFollowRange(earlier, wanted.fromBlock);
  const joined = { ...wanted, fromBlock };
  if (apart === null) return [joined];
  const workflowId = `${wanted.workflowId}/${apart.fromBlock}-${apart.toBlock}`;
  return [{ ...wanted, ...apart, workflowId, state: "done" }, joined];
}
