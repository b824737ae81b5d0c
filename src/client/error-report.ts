import { CommanderError } from "commander";
import { redact } from "../domain/redact.ts";
import {
  AppError,
  ConfigError,
  InvalidBlocksError,
  JobInputDiffersError,
  JobNotRunningError,
  OverlappingBackfillError,
  RangeBeyondHeadError,
  RequestRefusedError,
  UnknownNetworkError,
  UnknownProcessorError,
  UnknownStakeRequestError,
} from "../errors.ts";
import { type ExitCode, exitCodes } from "./outcome.ts";

/** An error as `--json` prints it, and as people read it. */
export type ErrorReport = {
  readonly json: {
    readonly error: {
      readonly name: string;
      readonly message: string;
      readonly facts: readonly string[];
      readonly fix: string | null;
    };
  };
  readonly text: string;
  readonly exitCode: ExitCode;
};

/** Errors that mean "you asked for something that cannot be": the caller has to change the call. */
const refusals = [
  ConfigError,
  UnknownNetworkError,
  UnknownProcessorError,
  InvalidBlocksError,
  RequestRefusedError,
  JobNotRunningError,
  UnknownStakeRequestError,
  JobInputDiffersError,
  OverlappingBackfillError,
  RangeBeyondHeadError,
];

/** Turns whatever was thrown into words and an exit code; never a stack trace. */
export function reportError(error: unknown, version: string): ErrorReport {
  if (error instanceof CommanderError) return reportUsage(error);
  if (error instanceof AppError) {
    const message = firstLine(error.message);
    return {
      json: {
        error: { name: error.name, message, facts: error.facts, fix: error.fix ?? null },
      },
      text: error.message,
      exitCode: refusals.some((refusal) => error instanceof refusal)
        ? exitCodes.refused
        : exitCodes.failed,
    };
  }
  // Client libraries put urls with tokens into their messages.
  const message = redact(firstLine(error instanceof Error ? error.message : String(error)));
  const fix = `report it with the command you ran and the version (${version}).`;
  return {
    json: { error: { name: "UnexpectedError", message, facts: [], fix } },
    text: `Unexpected error: ${message} (please ${fix})`,
    exitCode: exitCodes.failed,
  };
}

function reportUsage(error: CommanderError): ErrorReport {
  // A command without the command below it: its help stands on the screen already.
  const isIncomplete = error.code === "commander.help";
  const message = isIncomplete
    ? "a command is missing"
    : error.message
        .replace(/^error: /, "")
        .split("\n")
        .join(" ")
        .trim();
  const fix = "see `npm run client -- --help`, or --help after the command.";
  return {
    json: { error: { name: "UsageError", message, facts: [], fix } },
    text: isIncomplete ? "" : `Wrong usage: ${message}\n  Fix: ${fix}`,
    exitCode: exitCodes.refused,
  };
}

function firstLine(text: string): string {
  return text.split("\n")[0] ?? text;
}
