import type { Command } from "commander";
import type { Config } from "../../config/load-config.ts";
import { AppError } from "../../errors.ts";
import type { CommandContext } from "../context.ts";
import type { Outcome } from "../outcome.ts";
import type { StakingStatus } from "../staking-status.ts";
import { readSystemStatus, type SystemStatus } from "../system-status.ts";
import { formatStatus, formatWorkers } from "../views/job-view.ts";
import { formatStakingStatus } from "../views/stake-view.ts";
import { type Act, addExamples } from "./act.ts";

const watchIntervalMs = 1_000;

export function addStatus(program: Command, act: Act): void {
  const status = program
    .command("status")
    .description("every job that runs: how far, how fast, what it waits for; and who works")
    .option("--watch", "again every second, on a terminal, until Ctrl-C")
    .action(({ watch }: { watch?: true }) => act((context) => showStatus(context, watch === true)));
  addExamples(status, "status", "status --watch", "status --json --network mainnet");
}

async function showStatus(context: CommandContext, watch: boolean): Promise<Outcome> {
  if (watch && context.terminal.isInteractive) {
    await context.terminal.watch(() => renderStatus(context), watchIntervalMs);
    return { json: null, text: "" };
  }
  return readStatus(context);
}

/** An outage is part of what is watched, and ends by itself. */
async function renderStatus(context: CommandContext): Promise<string> {
  try {
    return (await readStatus(context)).text;
  } catch (error) {
    if (error instanceof AppError && error.retryable) return error.message;
    throw error;
  }
}

async function readStatus(context: CommandContext): Promise<Outcome> {
  const filter = context.networkOption === undefined ? {} : { network: context.network().name };
  const status = await readSystemStatus(await context.temporal(), {
    ...filter,
    configured: context.config().networks.map(({ name }) => name),
    linkTo: context.workflowLink,
  });
  const staking = await readStaking(context);
  return { json: { ...status, staking }, text: formatAll(status, staking, context.config()) };
}

/** Where nothing is indexed and nothing should be, only the staking service is shown. */
function formatAll(
  { jobs, workers }: SystemStatus,
  staking: StakingStatus | null,
  { networks }: Config,
): string {
  if (staking === null) return formatStatus(jobs, workers);
  const index =
    jobs.length === 0 && networks.length === 0
      ? formatWorkers(staking.workers)
      : formatStatus(jobs, [...workers, ...staking.workers]);
  return `${formatStakingStatus(staking)}\n\n${index}`;
}

/** Of no network, so `--network` leaves it out. */
async function readStaking(context: CommandContext): Promise<StakingStatus | null> {
  if (context.config().staking === null || context.networkOption !== undefined) return null;
  const { readStakingStatus } = await import("../staking-status.ts");
  return readStakingStatus(await context.staking(), context.workflowLink);
}
