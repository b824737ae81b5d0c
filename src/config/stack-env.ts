import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Environment } from "./environment.ts";

/** Where `npm run demo` and `npm run dev` write what they started. */
const stackFile = ".blockloom/stack.env";

/** Variables of which any one says that the caller has a stack of its own. */
const ownStackVariables = [
  "BLOCKLOOM_CONFIG",
  "RPC_URL",
  "CLICKHOUSE_URL",
  "TEMPORAL_ADDRESS",
  "TEMPORAL_PROFILE",
];

/**
 * The environment, with the addresses of the stack that runs in this folder where it names none itself.
 * Never mixes: one address of the caller's own, and the stack's file is not read.
 */
export function loadStackEnv({
  env = process.env,
  cwd = process.cwd(),
}: {
  env?: Environment;
  cwd?: string;
} = {}): Environment {
  if (ownStackVariables.some((name) => env[name])) return env;
  return { ...readStackFile(resolve(cwd, stackFile)), ...env };
}

function readStackFile(path: string): Record<string, string> {
  let source: string;
  try {
    source = readFileSync(path, "utf8");
  } catch {
    return {};
  }
  const lines = source.split("\n").map((line) => /^([A-Z_]+)=(.*)$/.exec(line.trim()));
  return Object.fromEntries(lines.flatMap((match) => (match ? [[match[1], match[2]]] : [])));
}
