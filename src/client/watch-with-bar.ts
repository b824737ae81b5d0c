import type { NamedJob } from "./commands/steering.ts";
import type { CommandContext } from "./context.ts";
import { targetOf } from "./job-target.ts";
import { countDone, formatBackfillNote } from "./views/job-view.ts";
import { formatNext } from "./views/next-steps.ts";
import { type BackfillEnd, watchBackfill } from "./watch-backfill.ts";

/** Watches a backfill to its end with a bar that moves within chunks. */
export async function watchWithBar(context: CommandContext, job: NamedJob): Promise<BackfillEnd> {
  const link = context.workflowLink(job.workflowId);
  context.terminal.say(`${job.workflowId} runs on also after Ctrl-C.${formatNext({ link })}`);
  const bar = context.terminal.startBar("done");
  try {
    return await watchBackfill(
      await context.temporal(),
      targetOf(job),
      ({ progress, pending, waitingFor }) =>
        bar.show({
          done: progress ? countDone(progress, pending) : 0,
          total: progress?.totalBlocks ?? 0,
          note: formatBackfillNote(progress, waitingFor),
        }),
    );
  } finally {
    bar.stop();
  }
}
