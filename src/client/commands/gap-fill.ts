import type { Command } from "commander";
import type { NetworkConfig } from "../../config/load-config.ts";
import { workflowIds } from "../../workflows/messages.ts";
import type { CommandContext } from "../context.ts";
import { gapFillDefaults, startGapFill } from "../jobs.ts";
import type { Outcome } from "../outcome.ts";
import { formatNext } from "../views/next-steps.ts";
import { type Act, addExamples, wholeNumber } from "./act.ts";
import { addSteering, type NamedJob } from "./steering.ts";

export function addGapFill(program: Command, act: Act): void {
  const gapFill = program
    .command("gap-fill")
    .description("find missing and failed blocks and index them");
  gapFill
    .command("start")
    .description("start filling gaps; one that runs already is kept")
    .option(
      "--scan-interval <seconds>",
      `between two looks for gaps (default: ${gapFillDefaults.scanIntervalMs / 1000})`,
      wholeNumber(1),
    )
    .option(
      "--batch <blocks>",
      `most blocks in one go (default: ${gapFillDefaults.batchBlocks})`,
      wholeNumber(1, 1000),
    )
    .action((options: StartOptions) => act((context) => start(context, options)));
  addSteering(gapFill, act, { name: nameGapFill });
  addExamples(gapFill, "gap-fill start", "gap-fill status");
}

function nameGapFill({ name: network }: NetworkConfig): NamedJob {
  return { workflowId: workflowIds.gapFill(network), kind: "gap-fill", network, range: null };
}

type StartOptions = { readonly scanInterval?: number; readonly batch?: number };

async function start(context: CommandContext, options: StartOptions): Promise<Outcome> {
  const { name, processors } = context.network();
  const job = await startGapFill(await context.temporal(), {
    network: name,
    processors,
    ...(options.scanInterval === undefined ? {} : { scanIntervalMs: options.scanInterval * 1000 }),
    ...(options.batch === undefined ? {} : { batchBlocks: options.batch }),
  });
  const link = context.workflowLink(job.workflowId);
  return {
    json: { ...job, link },
    text: `${job.started ? "Started" : "Runs already:"} ${job.workflowId}.${formatNext({
      commands: ["npm run client -- gap-fill status"],
      link,
    })}`,
  };
}
