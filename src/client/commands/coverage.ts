import type { Command } from "commander";
import { InvalidBlocksError } from "../../errors.ts";
import { parseBlockNumber } from "../block-text.ts";
import type { CommandContext } from "../context.ts";
import { readCoverage } from "../coverage.ts";
import { exitCodes, type Outcome } from "../outcome.ts";
import { formatCoverage } from "../views/coverage-view.ts";
import { formatBlockLife } from "../views/explain-view.ts";
import { type Act, addExamples } from "./act.ts";

type Options = {
  readonly from?: string;
  readonly to?: string;
  readonly verify?: true;
  readonly explain?: string;
};

export function addCoverage(program: Command, act: Act): void {
  const coverage = program
    .command("coverage")
    .description("what is proven, and what is missing and why; exit 3 unless all is proven")
    .option("--from <block>", "first block (default: of all that is expected)")
    .option("--to <block>", "last block (default: of all that is expected)")
    .option("--verify", "count the stored rows again, now")
    .option(
      "--explain <block>",
      "the whole life of one block: who expects it, attempts, proof, reorgs",
    )
    .action((options: Options) => act((context) => showCoverage(context, options)));
  addExamples(
    coverage,
    "coverage",
    "coverage --from 15000000 --to 15000999 --verify",
    "coverage --explain 15000007",
    "coverage --json",
  );
}

async function showCoverage(
  context: CommandContext,
  { from, to, verify, explain }: Options,
): Promise<Outcome> {
  const { name: network, processors } = context.network();
  const [fromBlock, toBlock] = [from ?? explain, to ?? explain].map((text) =>
    text === undefined ? undefined : parseBlockNumber(text),
  );
  if (fromBlock !== undefined && toBlock !== undefined && fromBlock > toBlock) {
    const reason = `it ends (${toBlock}) before it starts (${fromBlock})`;
    throw new InvalidBlocksError({ text: `${fromBlock}-${toBlock}`, reason });
  }
  const ledger = await context.ledger();
  const report = await readCoverage(ledger, {
    network,
    processors,
    ...(fromBlock === undefined ? {} : { fromBlock }),
    ...(toBlock === undefined ? {} : { toBlock }),
    verify: verify === true,
  });
  const exitCode = report.proven ? exitCodes.done : exitCodes.notProven;
  if (explain === undefined) return { json: report, text: formatCoverage(report), exitCode };
  const { readBlockLife } = await import("../../clickhouse/block-life.ts");
  const life = await readBlockLife(await context.clickhouse(), {
    network,
    processors,
    blockNumber: parseBlockNumber(explain),
  });
  return { json: { ...report, ...life }, text: formatBlockLife(life, report.proven), exitCode };
}
