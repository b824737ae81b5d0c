import type { Command } from "commander";
import type { NetworkConfig } from "../../config/load-config.ts";
import type { HeadPolicy } from "../../domain/chain.ts";
import { workflowIds } from "../../workflows/messages.ts";
import { parseBlockNumber } from "../block-text.ts";
import { actorName, type CommandContext } from "../context.ts";
import { targetOf } from "../job-target.ts";
import { startFollow } from "../jobs.ts";
import type { Outcome } from "../outcome.ts";
import { updateJob } from "../steer-job.ts";
import { formatNext } from "../views/next-steps.ts";
import { type Act, addExamples, headOption } from "./act.ts";
import { addSteering, type NamedJob } from "./steering.ts";

export function addFollow(program: Command, act: Act): void {
  const follow = program
    .command("follow")
    .description("index every new block of a network, and repair reorgs");
  follow
    .command("start")
    .description("start following; one that runs already is kept")
    .addOption(headOption())
    .option("--from <block>", "first block (default: after the highest indexed, else the head)")
    .action((options: StartOptions) => act((context) => start(context, options)));
  addSteering(follow, act, { name: nameFollow });
  follow
    .command("set-head")
    .description("change which head counts, while it runs")
    .addOption(headOption().makeOptionMandatory())
    .action(({ head }: { head: HeadPolicy }) => act((context) => setHead(context, head)));
  follow
    .command("accept-reorg")
    .description("follow the node's chain, though rows that were final say otherwise")
    .argument("<block>", "the first block that differs")
    .argument("<hash>", "the node's hash of it, so that no other branch is meant")
    .action((block: string, blockHash: string) =>
      act((context) => acceptReorg(context, { fromBlock: parseBlockNumber(block), blockHash })),
    );
  addExamples(follow, "follow start --head safe", "follow status --json");
}

function nameFollow({ name: network }: NetworkConfig): NamedJob {
  return { workflowId: workflowIds.follow(network), kind: "follow", network, range: null };
}

type StartOptions = { readonly head?: HeadPolicy; readonly from?: string };

async function start(context: CommandContext, { head, from }: StartOptions): Promise<Outcome> {
  const { name, processors, startBlock } = context.network();
  const first = from === undefined ? startBlock : parseBlockNumber(from);
  const job = await startFollow(await context.temporal(), {
    network: name,
    processors,
    ...(head === undefined ? {} : { headPolicy: head }),
    ...(first === null ? {} : { startBlock: first }),
  });
  const link = context.workflowLink(job.workflowId);
  return {
    json: { ...job, link },
    text: `${job.started ? "Started" : "Runs already:"} ${job.workflowId}.${formatNext({
      commands: ["npm run client -- status --watch"],
      link,
    })}`,
  };
}

async function setHead(context: CommandContext, head: HeadPolicy): Promise<Outcome> {
  const job = nameFollow(context.network());
  await updateJob(await context.temporal(), targetOf(job), "setHeadPolicy", {
    headPolicy: head,
  });
  return {
    json: { workflowId: job.workflowId, headPolicy: head },
    text: `${job.workflowId} now follows the ${head} head.`,
  };
}

async function acceptReorg(
  context: CommandContext,
  word: { readonly fromBlock: number; readonly blockHash: string },
): Promise<Outcome> {
  const job = nameFollow(context.network());
  await updateJob(await context.temporal(), targetOf(job), "acceptReorg", {
    ...word,
    actor: actorName(),
  });
  return {
    json: { workflowId: job.workflowId, ...word },
    text: `${job.workflowId} follows the node's chain from block ${word.fromBlock} on, if it has ${word.blockHash} there.`,
  };
}
