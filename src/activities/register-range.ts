import { isEmpty, joinFollowRange } from "../domain/follow-range.ts";
import type { RegisterRangeInput } from "../workflows/index-activities.ts";
import type { Dependencies, ExpectedRange } from "./ports.ts";

/**
 * Notes which blocks a job is to index, and whether it still does. Idempotent: the last note of a workflow counts.
 * What an earlier follow of the network noted stays expected, and so does what an earlier run of a backfill has done.
 */
export function createRegisterRange({ ranges }: Pick<Dependencies, "ranges">) {
  return async function registerRange(input: RegisterRangeInput): Promise<void> {
    const { processors, ...range } = input;
    const wanted = processors.map((processor) => ({ ...range, processor }));
    const noted = await ranges.read(range.network);
    const join = range.origin === "follow" ? joinNotes : keepDone;
    await ranges.write(wanted.flatMap((one) => join(findEarlier(noted, one), one)));
  };
}

function findEarlier(
  noted: readonly ExpectedRange[],
  wanted: ExpectedRange,
): ExpectedRange | undefined {
  return noted.find(
    ({ workflowId, processor }) =>
      workflowId === wanted.workflowId && processor === wanted.processor,
  );
}

function joinNotes(earlier: ExpectedRange | undefined, wanted: ExpectedRange): ExpectedRange[] {
  const { fromBlock, apart } = joinFollowRange(earlier, wanted.fromBlock);
  const joined = { ...wanted, fromBlock };
  return apart === null ? [joined] : [noteApart(wanted, apart), joined];
}

/** A run that is stopped cuts its note to what it did itself. */
function keepDone(earlier: ExpectedRange | undefined, wanted: ExpectedRange): ExpectedRange[] {
  const isDone = earlier?.state === "done" && wanted.state === "running" && !isEmpty(earlier);
  return isDone ? [noteApart(wanted, earlier), wanted] : [wanted];
}

function noteApart(
  wanted: ExpectedRange,
  { fromBlock, toBlock }: Pick<ExpectedRange, "fromBlock" | "toBlock">,
): ExpectedRange {
  const workflowId = `${wanted.workflowId}/${fromBlock}-${toBlock}`;
  return { ...wanted, fromBlock, toBlock, workflowId, state: "done" };
}
