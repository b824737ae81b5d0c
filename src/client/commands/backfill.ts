import type { Command } from "commander";
import type { NetworkConfig } from "../../config/load-config.ts";
import type { BlockRange } from "../../domain/block-range.ts";
import { workflowIds } from "../../workflows/messages.ts";
import { parseBlockRange } from "../block-text.ts";
import { actorName, type CommandContext } from "../context.ts";
import { readCoverage } from "../coverage.ts";
import { refuseBeyondHead } from "../head-check.ts";
import { targetOf } from "../job-target.ts";
import { type StartedJob, startBackfill } from "../jobs.ts";
import { exitCodes, type Outcome } from "../outcome.ts";
import { updateJob } from "../steer-job.ts";
import { describeEnd } from "../views/backfill-end-view.ts";
import { formatCoverage } from "../views/coverage-view.ts";
import { formatNext } from "../views/next-steps.ts";
import { watchWithBar } from "../watch-with-bar.ts";
import { type Act, addExamples, concurrencyOption } from "./act.ts";
import { addSteering, type NamedJob } from "./steering.ts";

type StartOptions = {
  readonly newestFirst?: true;
  readonly concurrency?: number;
  readonly force?: true;
  readonly wait?: true;
};

const rangeArgument = "<range>";

export function addBackfill(program: Command, act: Act): void {
  const backfill = program
    .command("backfill")
    .usage("<range> [options]  or  <command> <range>")
    .description("index a closed range of blocks: <from>-<to>, or 15M:+1000 for a length");
  // A command of its own, so that its options are not those of its neighbours; its name may be left out.
  const run = backfill
    .command("start", { isDefault: true })
    .description("index the range; `start` may be left out")
    .argument(rangeArgument, "both ends belong to it")
    .option("--newest-first", "from the end of the range to its start")
    .addOption(concurrencyOption())
    .option("--force", "trace again what is complete already")
    .option("--wait", "show a progress bar to the end; exit 3 unless all is proven then")
    .action((range: string, options: StartOptions) =>
      act((context) => start(context, parseBlockRange(range), options)),
    );
  addSteering(backfill, act, { name: nameByText, argument: rangeArgument });
  backfill
    .command("set-concurrency")
    .description("change how many chunks are in flight, while it runs")
    .argument(rangeArgument)
    .addOption(concurrencyOption().makeOptionMandatory())
    .action((range: string, { concurrency }: { concurrency: number }) =>
      act((context) => setConcurrency(context, nameByText(context.network(), range), concurrency)),
    );
  addOptionsOf(backfill, run);
  addExamples(
    backfill,
    "backfill 15000000-15000999 --wait",
    "backfill 15M:+1000 --newest-first --concurrency 4",
    "backfill pause 15000000-15000999",
    "backfill set-concurrency 15M:+1000 --concurrency 8",
  );
}

/** Shows the options of the default command in its parent's help, where people look for them. */
function addOptionsOf(parent: Command, command: Command): void {
  parent.addHelpText("after", () => {
    const help = command.createHelp();
    const width = help.padWidth(command, help);
    const lines = help
      .visibleOptions(command)
      .filter((option) => option.long !== "--help")
      .map((option) =>
        help.formatItem(help.optionTerm(option), width, help.optionDescription(option), help),
      );
    return ["\nOptions of a start:", ...lines].join("\n");
  });
}

function nameBackfill({ name: network }: NetworkConfig, range: BlockRange): NamedJob {
  return { workflowId: workflowIds.backfill(network, range), kind: "backfill", network, range };
}

function nameByText(network: NetworkConfig, range: string): NamedJob {
  return nameBackfill(network, parseBlockRange(range));
}

async function start(
  context: CommandContext,
  range: BlockRange,
  options: StartOptions,
): Promise<Outcome> {
  const network = context.network();
  await refuseBeyondHead(context, network, range.toBlock);
  const job = await startBackfill(await context.temporal(), {
    network: network.name,
    processors: network.processors,
    range,
    order: options.newestFirst ? "newest-first" : "oldest-first",
    force: options.force ?? false,
    ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
    actor: actorName(),
  });
  if (options.wait) return waitForEnd(context, network, range, job);
  const link = context.workflowLink(job.workflowId);
  const blocks = `${range.fromBlock}-${range.toBlock}`;
  return {
    json: { ...job, link },
    text: `${job.started ? "Started" : "Runs already:"} ${job.workflowId}.${formatNext({
      commands: [
        `npm run client -- backfill status ${blocks}`,
        `npm run client -- coverage --from ${range.fromBlock} --to ${range.toBlock}`,
      ],
      link,
    })}`,
  };
}

async function waitForEnd(
  context: CommandContext,
  network: NetworkConfig,
  range: BlockRange,
  job: StartedJob,
): Promise<Outcome> {
  const end = await watchWithBar(context, nameBackfill(network, range));
  const link = context.workflowLink(job.workflowId);
  const coverage = await readCoverage(await context.ledger(), {
    network: network.name,
    processors: network.processors,
    ...range,
    verify: false,
  });
  const verdict = coverage.proven ? exitCodes.done : exitCodes.notProven;
  return {
    json: { ...job, link, ...end, coverage },
    text: [describeEnd(job.workflowId, end), formatCoverage(coverage) + formatNext({ link })].join(
      "\n",
    ),
    exitCode: end.state === "failed" ? exitCodes.failed : verdict,
  };
}

async function setConcurrency(
  context: CommandContext,
  job: NamedJob,
  concurrency: number,
): Promise<Outcome> {
  await updateJob(await context.temporal(), targetOf(job), "setConcurrency", { concurrency });
  return {
    json: { workflowId: job.workflowId, concurrency },
    text: `${job.workflowId} now has up to ${concurrency} chunks in flight.`,
  };
}
