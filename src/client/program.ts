import { Command } from "commander";
import type { Act, AddCommand } from "./commands/act.ts";
import { addAudit } from "./commands/audit.ts";
import { addBackfill } from "./commands/backfill.ts";
import { addCleanup } from "./commands/cleanup.ts";
import { addConfig } from "./commands/config.ts";
import { addCoverage } from "./commands/coverage.ts";
import { addFollow } from "./commands/follow.ts";
import { addGapFill } from "./commands/gap-fill.ts";
import { addIndexBlock } from "./commands/index-block.ts";
import { addRelease } from "./commands/release.ts";
import { addRequeue } from "./commands/requeue.ts";
import { addSchema } from "./commands/schema.ts";
import { addSigner } from "./commands/signer.ts";
import { addStake } from "./commands/stake.ts";
import { addStatus } from "./commands/status.ts";

/** Headings of the help, in the order in which a stranger needs them. */
const groups: readonly (readonly [string, readonly AddCommand[]])[] = [
  ["Index:", [addFollow, addBackfill, addIndexBlock]],
  ["See:", [addStatus, addCoverage, addAudit]],
  ["Repair:", [addGapFill, addRequeue, addRelease, addCleanup]],
  ["Stake:", [addStake, addSigner]],
  ["Set up:", [addSchema, addConfig]],
];

const everyCommand = "Options of every command:";

/** The whole command line. `act` runs what a command means. */
export function createProgram({
  act,
  version,
  write,
  writeHelp,
}: {
  readonly act: Act;
  readonly version: string;
  readonly write: (text: string) => void;
  readonly writeHelp: (text: string) => void;
}): Command {
  const program = new Command("blockloom")
    .description("Turns an Ethereum execution node into ClickHouse rows that are proven complete.")
    .usage("<command> [options]")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "explain a command")
    .optionsGroup(everyCommand)
    .option("--json", "one JSON document on stdout and nothing else")
    .option("--network <name>", "which network (default: the only one that is configured)")
    .configureHelp({
      showGlobalOptions: true,
      styleTitle: (title) => (title === "Global Options:" ? everyCommand : title),
    })
    // The caller reports errors, in words or as JSON; here go the helps of incomplete commands only.
    .configureOutput({ writeOut: write, writeErr: writeHelp, outputError: () => {} })
    .exitOverride()
    .showSuggestionAfterError();
  for (const [heading, add] of groups) {
    program.commandsGroup(heading);
    for (const addCommand of add) addCommand(program, act);
  }
  for (const command of [program, ...program.commands]) command.helpCommand(false);
  program.addHelpText(
    "after",
    `
Blocks are written 17000000, 17M, 15000000-15000999 (both ends) or 15M:+1000 (a length).
Exit codes: 0 done, 1 failed, 2 wrong usage or refused, 3 not proven (coverage, backfill --wait).

Examples:
  $ npm run client -- backfill 15M:+1000 --wait
  $ npm run client -- status --watch
  $ npm run client -- coverage --json`,
  );
  return program;
}
