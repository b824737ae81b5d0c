import { randomBytes, randomInt } from "node:crypto";
import { type Command, InvalidArgumentError } from "commander";
import type { AuditedBlock } from "../../audit/audit-blocks.ts";
import { actorName, type CommandContext } from "../context.ts";
import { exitCodes, type Outcome } from "../outcome.ts";
import { type AuditReport, AuditTally, formatAudit } from "../views/audit-view.ts";
import { readWindow } from "../window.ts";
import { type Act, addExamples, wholeNumber } from "./act.ts";

type Options = {
  readonly sample: number;
  readonly from?: string;
  readonly to?: string;
  readonly against?: string;
  readonly seed?: number;
};

const maximumSample = 10_000;
const maximumSeed = 2 ** 32 - 1;

export function addAudit(program: Command, act: Act): void {
  const audit = program
    .command("audit")
    .description("trace a sample of blocks again and compare every row; exit 3 on a difference")
    .option(
      "--sample <k>",
      `complete blocks to draw, 1 to ${maximumSample}`,
      wholeNumber(1, maximumSample),
      10,
    )
    .option("--from <block>", "first block to draw from (default: of all that is expected)")
    .option("--to <block>", "last block to draw from (default: of all that is expected)")
    .option("--against <url>", "another node of the same chain (default: the network's own)", toUrl)
    .option("--seed <s>", "draw the same blocks again", wholeNumber(0, maximumSeed))
    .action((options: Options) => act((context) => runAudit(context, options)));
  addExamples(
    audit,
    "audit --sample 20",
    "audit --sample 100 --from 15M --to 15000999 --against http://other-node:8545",
    "audit --seed 7 --json",
  );
}

function toUrl(text: string): string {
  const isHttp = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  if (!isHttp) throw new InvalidArgumentError("It must be an http or https url.");
  return text;
}

async function runAudit(context: CommandContext, options: Options): Promise<Outcome> {
  const network = context.network();
  const { sample, seed = randomInt(maximumSeed), against = null } = options;
  const window = readWindow(options);
  const clickhouse = await context.clickhouse();
  const ledger = await context.ledger();
  const { auditBlocks } = await import("../../audit/audit-blocks.ts");
  const { openAuditedNetwork } = await import("../../audit/open-audited-network.ts");
  const { toAuditRows } = await import("../../audit/audit-rows.ts");
  const { storeAudit } = await import("../../clickhouse/audits.ts");
  const opened = await openAuditedNetwork(context.config(), clickhouse, { network, against });
  const { signal } = new AbortController();
  const audit = await auditBlocks(
    { network: opened, clickhouse, ledger, signal },
    { sample, seed, processors: network.processors, ...(window ? { window } : {}) },
  );
  const found = { auditId: randomBytes(8).toString("hex"), actor: actorName() };
  const tally = new AuditTally();
  const bar = context.terminal.startBar("audit");
  try {
    for await (const block of audit.blocks) {
      await storeAudit(clickhouse, toAuditRows(block, found));
      tally.add(block);
      bar.show({ done: tally.audited, total: audit.drawn, note: noteOf(block) });
    }
  } finally {
    bar.stop();
  }
  const report: AuditReport = {
    network: network.name,
    auditId: found.auditId,
    seed,
    candidates: audit.candidates,
    ...tally.counts,
  };
  return { json: report, text: formatAudit(report), exitCode: exitCodeOf(report) };
}

function noteOf({ blockNumber, node }: AuditedBlock): string {
  return `block ${blockNumber} on ${node}`;
}

/** A block that could not be compared is no proof of anything; a sample of nothing is none either. */
function exitCodeOf({ differing, notCompared, audited }: AuditReport) {
  if (differing > 0) return exitCodes.notProven;
  if (audited === 0) return exitCodes.refused;
  return notCompared > 0 ? exitCodes.failed : exitCodes.done;
}
