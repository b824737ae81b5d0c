import { type Command, InvalidArgumentError, Option } from "commander";
import { headPolicies } from "../../config/schema.ts";
import type { CommandContext } from "../context.ts";
import { defaultConcurrency } from "../jobs.ts";
import type { Outcome } from "../outcome.ts";

/** Runs a command's work with its context and prints what it came to. */
export type Act = (work: (context: CommandContext) => Promise<Outcome>) => Promise<void>;

/** Adds a command to the program, or to another command. */
export type AddCommand = (parent: Command, act: Act) => void;

/** Reads an option's whole number. */
export function wholeNumber(minimum: number, maximum = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < minimum || value > maximum) {
      const upTo = maximum === Number.MAX_SAFE_INTEGER ? " or more" : ` to ${maximum}`;
      throw new InvalidArgumentError(`It must be a whole number, ${minimum}${upTo}.`);
    }
    return value;
  };
}

/** Chunks of a backfill in flight, at most: more waits for the worker's slots anyway. */
export const maximumConcurrency = 64;

export function concurrencyOption(): Option {
  const description = `chunks in flight, 1 to ${maximumConcurrency} (a start's default: ${defaultConcurrency})`;
  return new Option("--concurrency <k>", description).argParser(wholeNumber(1, maximumConcurrency));
}

export function headOption(): Option {
  return new Option("--head <policy>", "which head counts").choices(headPolicies);
}

/** Examples under a command's help. */
export function addExamples(command: Command, ...examples: readonly string[]): void {
  const lines = examples.map((example) => `  $ npm run client -- ${example}`);
  command.addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}
