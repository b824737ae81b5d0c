import type { Command } from "commander";
import type { BlockErrorKind } from "../../errors.ts";
import { RequestRefusedError } from "../../errors.ts";
import { formatBlockRange, parseBlocks } from "../block-text.ts";
import { actorName, type CommandContext } from "../context.ts";
import { release } from "../jobs.ts";
import type { Outcome } from "../outcome.ts";
import { formatNext } from "../views/next-steps.ts";
import { type Act, addExamples } from "./act.ts";

type Options = { readonly kind?: BlockErrorKind; readonly reason?: string };

/** A record, so that a kind added to errors.ts does not compile until it stands here. */
const kinds = {
  block_not_found: true,
  receipts_unavailable: true,
  trace_refused: true,
  trace_malformed: true,
  trace_cut: true,
  proof_mismatch: true,
  row_count_mismatch: true,
  deadline_exceeded: true,
  worker_lost: true,
  storage_refused: true,
} as const satisfies Record<BlockErrorKind, true>;

export function addRelease(program: Command, act: Act): void {
  const command = program.command("release");
  command
    .description("free quarantined blocks, so that gap-fill tries them again")
    .argument("[blocks...]", "numbers and ranges, at most 1000 blocks")
    .addOption(
      command
        .createOption("--kind <kind>", "all blocks that failed so")
        .choices(Object.keys(kinds)),
    )
    .option("--reason <text>", "why; it stands in the ledger")
    .action((blocks: string[], options: Options) =>
      act((context) => releaseBlocks(context, blocks, options)),
    );
  addExamples(command, "release 17000000", "release --kind trace_refused");
}

async function releaseBlocks(
  context: CommandContext,
  texts: readonly string[],
  { kind, reason }: Options,
): Promise<Outcome> {
  if (texts.length > 0 === (kind !== undefined)) {
    throw new RequestRefusedError({ reason: "release needs blocks or --kind, and not both" });
  }
  const blocks = parseBlocks(texts).map(formatBlockRange);
  const { name: network, processors } = context.network();
  const { workflowId } = await release(
    await context.temporal(),
    { network, processors },
    {
      ...(kind === undefined ? { blocks } : { kind }),
      ...(reason === undefined ? {} : { reason }),
      actor: actorName(),
    },
  );
  const link = context.workflowLink(workflowId);
  return {
    json: { workflowId, link, ...(kind === undefined ? { blocks } : { kind }) },
    text: `Asked ${workflowId} to release ${kind ?? blocks.join(", ")}.${formatNext({
      commands: ["npm run client -- gap-fill status"],
      link,
    })}`,
  };
}
