import type { Command } from "commander";
import { workflowIds } from "../../workflows/messages.ts";
import { parseBlockNumber } from "../block-text.ts";
import { actorName, type CommandContext } from "../context.ts";
import { refuseBeyondHead } from "../head-check.ts";
import { startIndex } from "../jobs.ts";
import { exitCodes, type Outcome } from "../outcome.ts";
import { describeEnd } from "../views/backfill-end-view.ts";
import { formatLedgerRows, formatStory } from "../views/ledger-view.ts";
import { formatNext } from "../views/next-steps.ts";
import { watchWithBar } from "../watch-with-bar.ts";
import { type Act, addExamples } from "./act.ts";

export function addIndexBlock(program: Command, act: Act): void {
  const index = program
    .command("index")
    .description("index one block now, again if it is complete, and print its ledger rows")
    .argument("<block>")
    .action((block: string) => act((context) => indexBlock(context, parseBlockNumber(block))));
  addExamples(index, "index 17000000");
}

async function indexBlock(context: CommandContext, blockNumber: number): Promise<Outcome> {
  const network = context.network();
  await refuseBeyondHead(context, network, blockNumber);
  const { processors, name } = network;
  const { workflowId } = await startIndex(await context.temporal(), {
    network: name,
    processors,
    blockNumber,
    actor: actorName(),
  });
  const range = { fromBlock: blockNumber, toBlock: blockNumber };
  const job = {
    workflowId: workflowIds.backfill(name, range),
    kind: "backfill",
    network: name,
    range,
  } as const;
  const end = await watchWithBar(context, job);
  const ledger = await context.ledger();
  const rows = await ledger.readBlocks(name, processors, [blockNumber]);
  const failed = end.state !== "completed" || (end.result?.failed ?? 0) > 0;
  // A complete row outlives an attempt that failed: only the block's story tells what went wrong.
  const lastVersion = failed ? (await ledger.history(name, blockNumber)).slice(-1) : [];
  const link = context.workflowLink(workflowId);
  return {
    json: { workflowId, link, ...end, blockNumber, failed, rows },
    text:
      [
        ...(rows.length > 0 ? [formatLedgerRows(rows)] : []),
        ...(failed ? [describeEnd(workflowId, end)] : []),
        ...(lastVersion.length > 0 ? [formatStory(lastVersion)] : []),
      ].join("\n") + formatNext({ link }),
    exitCode: failed ? exitCodes.failed : exitCodes.done,
  };
}
