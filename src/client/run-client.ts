import { CommanderError } from "commander";
import type { Environment } from "../config/environment.ts";
import { reportError } from "./error-report.ts";
import { exitCodes, type Outcome } from "./outcome.ts";
import { createProgram } from "./program.ts";
import { type GlobalOptions, openSession } from "./session.ts";

type Streams = {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
};

/**
 * Runs one command line and prints its answer: with --json exactly one document on stdout, errors included.
 * @param argv - Without node and script.
 * @returns The exit code: 0 done, 1 failed, 2 wrong usage or refused, 3 not proven.
 */
export async function runClient(
  argv: readonly string[],
  { version, streams, env }: { version: string; streams: Streams; env?: Environment },
): Promise<number> {
  const isJson = argv.includes("--json");
  let exitCode: number = exitCodes.done;
  const program = createProgram({
    version,
    write: streams.out,
    writeHelp: (text) => {
      if (!isJson) streams.error(text);
    },
    act: async (work) => {
      const session = openSession(program.opts<GlobalOptions>(), env);
      try {
        exitCode = print(await work(session.context), isJson, streams);
      } finally {
        await session.close();
      }
    },
  });
  try {
    await program.parseAsync(argv, { from: "user" });
    return exitCode;
  } catch (error) {
    // Help and version come as errors of exit code 0 that are printed already.
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
    const report = reportError(error, version);
    if (isJson) streams.out(`${JSON.stringify(report.json)}\n`);
    else if (report.text !== "") streams.error(`${report.text}\n`);
    return report.exitCode;
  }
}

function print({ json, text, exitCode }: Outcome, isJson: boolean, { out }: Streams): number {
  if (isJson) out(`${JSON.stringify(json)}\n`);
  else if (text !== "") out(`${text}\n`);
  return exitCode ?? exitCodes.done;
}
