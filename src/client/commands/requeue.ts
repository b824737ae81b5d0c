import type { Command } from "commander";
import type { NetworkConfig } from "../../config/load-config.ts";
import type { BlockRange } from "../../domain/block-range.ts";
import { findProcessor, type Processor, processors } from "../../domain/processor.ts";
import { UnknownProcessorError } from "../../errors.ts";
import { type RequeueAnswer, workflowIds } from "../../workflows/messages.ts";
import { formatBlockRange, parseBlocks } from "../block-text.ts";
import { actorName, type CommandContext } from "../context.ts";
import { refuseBeyondHead } from "../head-check.ts";
import { requeue } from "../jobs.ts";
import { exitCodes, type Outcome } from "../outcome.ts";
import { prepareRequeueWatch, type RequeuedBlock } from "../requeue-watch.ts";
import { formatBlocks, formatCount, formatTable } from "../views/format.ts";
import { formatNext } from "../views/next-steps.ts";
import { type Act, addExamples } from "./act.ts";

type Options = { readonly reason?: string; readonly processor?: string; readonly wait?: true };

export function addRequeue(program: Command, act: Act): void {
  const command = program
    .command("requeue")
    .description("trace blocks again; gap-fill does it, and is started if none runs")
    .argument("<blocks...>", "numbers and ranges, at most 1000 blocks")
    .option("--reason <text>", "why; it stands in the ledger")
    .option("--processor <name>", `only this one: ${processors.join(", ")} (default: all)`)
    .option("--wait", "wait until each block has a newer attempt; exit 1 if one failed")
    .action((blocks: string[], options: Options) =>
      act((context) => requeueBlocks(context, parseBlocks(blocks), options)),
    );
  addExamples(
    command,
    "requeue 17000000 17000005-17000010 --reason 'looks short'",
    "requeue 17M:+100 --processor transaction --wait",
  );
}

async function requeueBlocks(
  context: CommandContext,
  ranges: readonly BlockRange[],
  { reason, processor: name, wait }: Options,
): Promise<Outcome> {
  const network = context.network();
  await refuseBeyondHead(context, network, Math.max(...ranges.map(({ toBlock }) => toBlock)));
  const processor = name === undefined ? undefined : knownProcessor(name);
  const scope = {
    network: network.name,
    processors: processor ? [processor] : network.processors,
  };
  const watch = wait && (await prepareRequeueWatch(await context.ledger(), scope, ranges));
  const answer = await requeue(
    await context.temporal(),
    { network: network.name, processors: network.processors },
    {
      blocks: ranges.map(formatBlockRange),
      ...(processor ? { processor } : {}),
      ...(reason === undefined ? {} : { reason }),
      actor: actorName(),
    },
  );
  if (!watch || answer.refused.length > 0) return toOutcome(context, network, answer);
  const bar = context.terminal.startBar("requeue");
  try {
    const blocks = await watch(async (done, total) => bar.show({ done, total, note: "" }));
    return toOutcome(context, network, answer, blocks);
  } finally {
    bar.stop();
  }
}

function knownProcessor(name: string): Processor {
  const processor = findProcessor(name);
  if (!processor) throw new UnknownProcessorError({ processor: name, known: processors });
  return processor;
}

function toOutcome(
  context: CommandContext,
  { name }: NetworkConfig,
  answer: RequeueAnswer,
  blocks?: readonly RequeuedBlock[],
): Outcome {
  const workflowId = workflowIds.gapFill(name);
  const link = context.workflowLink(workflowId);
  const failed = (blocks ?? []).filter(({ attempts }) =>
    Object.values(attempts).some((status) => status !== "complete"),
  );
  const refused = answer.refused.map(({ blocks: text, why }) => `  refused ${text}: ${why}`);
  return {
    json: { workflowId, link, ...answer, ...(blocks ? { blocks } : {}) },
    text:
      [
        `Queued ${formatBlocks(answer.queued)}; ${formatCount(answer.alreadyQueued)} waited already.`,
        ...refused,
        ...(answer.paused ? [`${workflowId} is paused: npm run client -- gap-fill resume`] : []),
        ...(blocks ? [describeAttempts(blocks, failed)] : []),
      ].join("\n") +
      formatNext(blocks ? { link } : { commands: ["npm run client -- gap-fill status"], link }),
    exitCode: exitCodeOf(answer, failed),
  };
}

function exitCodeOf(answer: RequeueAnswer, failed: readonly RequeuedBlock[]) {
  if (answer.refused.length > 0) return exitCodes.refused;
  return failed.length > 0 ? exitCodes.failed : exitCodes.done;
}

function describeAttempts(
  blocks: readonly RequeuedBlock[],
  failed: readonly RequeuedBlock[],
): string {
  if (failed.length === 0)
    return `New complete attempts: ${formatBlocks(blocks.length)}, all of them.`;
  return formatTable(
    ["failed block", "newest attempts"],
    failed.map(({ blockNumber, attempts }) => [
      String(blockNumber),
      Object.entries(attempts)
        .map(([processor, status]) => `${processor}: ${status}`)
        .join(", "),
    ]),
  );
}
