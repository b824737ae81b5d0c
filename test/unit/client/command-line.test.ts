import { describe, expect, test } from "vitest";
import { runClient } from "../../../src/client/run-client.ts";

/** Nothing listens on these ports: what needs a server must say so. */
const env = {
  NETWORK: "devnet",
  RPC_URL: "http://user:secret-token@127.0.0.1:1/key",
  CLICKHOUSE_URL: "http://127.0.0.1:1",
  TEMPORAL_ADDRESS: "127.0.0.1:1",
};

async function run(line: string, environment: Record<string, string> = env) {
  let [out, error] = ["", ""];
  const exitCode = await runClient(line.split(" ").filter(Boolean), {
    version: "1.2.3",
    env: environment,
    streams: {
      out: (text) => {
        out += text;
      },
      error: (text) => {
        error += text;
      },
    },
  });
  return { exitCode, out, error };
}

const commands = [
  "follow",
  "follow start",
  "follow set-head",
  "follow accept-reorg",
  "backfill",
  "backfill set-concurrency",
  "index",
  "gap-fill",
  "gap-fill start",
  "requeue",
  "release",
  "coverage",
  "status",
  "schema",
  "config",
  "config check",
  "stake",
  "stake submit",
  "stake status",
  "stake cancel",
  "signer",
  "signer start",
  "signer stop",
  "signer status",
  "signer pause",
  "signer resume",
  "signer bump",
  "signer set-policy",
];

describe("help", () => {
  test.each(commands)("explains %s and what every command takes", async (command) => {
    const { exitCode, out, error } = await run(`${command} --help`);
    expect(exitCode).toBe(0);
    expect(error).toBe("");
    expect(out).toContain(`Usage: blockloom ${command}`);
    expect(out).toMatch(/Options of every command:[^]*--json[^]*--network <name>/);
  });

  test("names every command, the exit codes and how blocks are written", async () => {
    const { out } = await run("--help");
    for (const command of commands) expect(out).toContain(command.split(" ")[0]);
    expect(out).toContain("Exit codes: 0 done, 1 failed, 2 wrong usage or refused, 3 not proven");
    expect(out).toContain("15M:+1000");
  });

  test("stands on stderr, with exit code 2, where a command is missing", async () => {
    const { exitCode, out, error } = await run("gap-fill");
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: "" });
    expect(error).toContain("Usage: blockloom gap-fill");
  });

  test("--version prints the version alone", async () => {
    expect(await run("--version")).toEqual({ exitCode: 0, out: "1.2.3\n", error: "" });
  });
});

describe("wrong usage exits 2 and says what is wrong", () => {
  test.each([
    ["backfil 1-2", "unknown command 'backfil' (Did you mean backfill?)"],
    ["follow start --haed safe", "unknown option '--haed' (Did you mean --head?)"],
    ["follow start --head newest", "Allowed choices are latest, safe, finalized"],
    ["backfill", "missing required argument 'range'"],
    ["backfill 1-2 --concurrency 0", "It must be a whole number, 1 to 64."],
    ["backfill 1-2 --concurrency two", "It must be a whole number, 1 to 64."],
    ["backfill set-concurrency 1-2", "required option '--concurrency <k>' not specified"],
    ["backfill 9-5", "it ends (5) before it starts (9)"],
    ["backfill 1-2-3", "it has more than two ends"],
    ["backfill 5:+0", '"0" is no length of 1 or more'],
    ["backfill pause banana", '"banana" is no block number'],
    ["index 5-6", "it is not one block"],
    ["requeue 1-1001", "it names 1001 blocks, and one call takes at most 1000"],
    ["requeue 5 --processor logs", 'The processor "logs" does not exist.'],
    ["release", "release needs blocks or --kind, and not both"],
    ["release 5 --kind trace_cut", "release needs blocks or --kind, and not both"],
    ["release --kind unlucky", "Allowed choices are block_not_found"],
    ["coverage --from 9 --to 5", "it ends (5) before it starts (9)"],
    ["coverage --explain x", '"x" is no block number'],
    ["stake status", "missing required argument 'id'"],
    ["stake submit --owner 0x1", "No staking service is configured."],
    ["signer set-policy --max-in-flight 17", "It must be a whole number, 1 to 16."],
    ["signer set-policy --reserve 1e18", "It must be a whole number of wei."],
    ["signer set-policy", "no part of the policy was named"],
    ["signer status", "No staking service is configured."],
    ["status --network other", 'The network "other" is not configured.'],
    ["follow status --network other", "configured networks: devnet"],
  ])("%s", async (line, words) => {
    const { exitCode, out, error } = await run(line);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: "" });
    expect(error).toContain(words);
    expect(error).toContain("Fix: ");
    expect(error).not.toMatch(/\bat .*\.ts:\d+/);
  });

  test("a missing network is asked for by name, and none is guessed", async () => {
    const { exitCode, error } = await run("follow status", {
      CLICKHOUSE_URL: "http://127.0.0.1:1",
    });
    expect(exitCode).toBe(2);
    expect(error).toContain("set NETWORK and RPC_URL, or write blockloom.yaml");
  });

  test("a configuration that cannot be used is refused with every key", async () => {
    const { exitCode, error } = await run("config check", { ...env, BULK_SLOTS: "many" });
    expect(exitCode).toBe(2);
    expect(error).toContain("BULK_SLOTS: must be a whole number");
  });
});

describe("--json prints one document on stdout and nothing else", () => {
  test.each([
    ["backfil 1-2 --json", "UsageError", 2],
    ["gap-fill --json", "UsageError", 2],
    ["--json backfill 9-5", "InvalidBlocksError", 2],
    ["requeue 5 --processor logs --json", "UnknownProcessorError", 2],
    ["status --json --network other", "UnknownNetworkError", 2],
    ["coverage --json", "StorageUnavailableError", 1],
  ])("also for an error: %s", async (line, name, code) => {
    const { exitCode, out, error } = await run(line);
    expect({ exitCode, error }).toEqual({ exitCode: code, error: "" });
    expect(JSON.parse(out)).toEqual({
      error: {
        name,
        message: expect.stringMatching(/^[^\n]+$/),
        facts: expect.any(Array),
        fix: expect.any(String),
      },
    });
    expect(out.trimEnd()).not.toContain("\n");
  });

  test("says what configuration is in force, without its secrets", async () => {
    const { exitCode, out } = await run("config check --json");
    expect(exitCode).toBe(0);
    expect(out).not.toContain("secret-token");
    expect(JSON.parse(out)).toMatchObject({
      valid: true,
      temporal: { address: "127.0.0.1:1" },
      networks: [
        {
          name: "devnet",
          nodes: ["rpc-url"],
          processors: ["structlog", "structlog_agg", "transaction"],
        },
      ],
    });
  });

  test("prints the schema as a list of migrations", async () => {
    const { out } = await run("schema print --json");
    const { migrations }: { migrations: { name: string; sql: string }[] } = JSON.parse(out);
    expect(migrations[0]).toMatchObject({
      name: "0001_ledger",
      sql: expect.stringContaining("CREATE TABLE IF NOT EXISTS execution_block"),
    });
  });
});
