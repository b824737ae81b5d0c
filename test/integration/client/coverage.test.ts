import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createLedger } from "../../../src/clickhouse/ledger.ts";
import { createRangeStore } from "../../../src/clickhouse/ranges.ts";
import type { Hex } from "../../../src/domain/chain.ts";
import { startTestClickHouse, type TestClickHouse } from "../../support/clickhouse.ts";
import { handmadeLedger, ledgerRow, network, runLine } from "./client-env.ts";

let clickhouse: TestClickHouse;
let variables: Record<string, string>;
const client = (line: string) => runLine(line, variables);

beforeAll(async () => {
  clickhouse = await startTestClickHouse({ migrated: false });
  variables = {
    NETWORK: network,
    PROCESSORS: "structlog,transaction",
    RPC_URL: "http://127.0.0.1:1",
    CLICKHOUSE_URL: clickhouse.url,
    CLICKHOUSE_DATABASE: clickhouse.database,
  };
});
afterAll(() => clickhouse?.stop());

describe("schema", () => {
  test("coverage of a database without our tables says what to run, and apply helps once", async () => {
    const before = await client("coverage");
    expect(before.exitCode).toBe(1);
    expect(before.error).toContain("npm run client -- schema apply");

    const applied = await client("schema apply --json");
    expect(applied.exitCode).toBe(0);
    expect(applied.json).toMatchObject({ applied: expect.arrayContaining(["0001_ledger"]) });
    expect((await client("schema apply")).out).toBe("The schema is up to date.\n");
  });
});

describe("coverage", () => {
  test("of an empty ledger is not proven", async () => {
    const { exitCode, out } = await client("coverage");
    expect(exitCode).toBe(3);
    expect(out).toContain("nothing of devnet was ever asked for here");
  });

  test("names missing and failed blocks and exits 3, and 0 when all are proven", async () => {
    const ledger = createLedger(clickhouse.client);
    await createRangeStore(clickhouse.client).write(
      (["structlog", "transaction"] as const).map((processor) => ({
        network,
        processor,
        fromBlock: 10,
        toBlock: 19,
        origin: "backfill",
        workflowId: "backfill/devnet/10-19",
        state: "done",
      })),
    );
    await ledger.write(handmadeLedger([10, 11, 12, 13, 14, 15, 16]));
    const failed = ledgerRow({
      blockNumber: 17,
      processor: "structlog",
      failed: { kind: "trace_refused", reason: "the node refused" },
    });
    await ledger.write([failed]);

    const partly = await client("coverage --json");
    expect(partly.exitCode).toBe(3);
    expect(partly.json).toMatchObject({
      network,
      proven: false,
      processors: [
        {
          processor: "structlog",
          proven: false,
          blocks: { proven: 7, failed: 1, missing: 2 },
          ranges: [
            { fromBlock: 10, toBlock: 16, status: "proven" },
            { fromBlock: 17, toBlock: 17, status: "failed" },
            { fromBlock: 18, toBlock: 19, status: "missing" },
          ],
        },
        { processor: "transaction", blocks: { proven: 7, missing: 3 } },
      ],
    });
    const text = await client("coverage");
    expect(text.out).toContain("structlog 17: failed, 1 block");
    expect(text.out).toContain("structlog 18-19: missing, 2 blocks");

    expect((await client("coverage --from 10 --to 16")).exitCode).toBe(0);

    await ledger.write(handmadeLedger([18, 19]));
    await ledger.write(
      (["structlog", "transaction"] as const).map((processor) =>
        ledgerRow({
          blockNumber: 17,
          processor,
          previous: processor === "structlog" ? failed : undefined,
        }),
      ),
    );
    const whole = await client("coverage --json");
    expect(whole.json).toMatchObject({ proven: true });
    expect(whole.exitCode).toBe(0);
  });

  test("one unverified block is enough for exit 3", async () => {
    const ledger = createLedger(clickhouse.client);
    const [before] = await ledger.readBlocks(network, ["structlog"], [12]);
    const row = ledgerRow({ blockNumber: 12, processor: "structlog", previous: before });
    await ledger.write([{ ...row, proof: "unverified" }]);
    const { exitCode, out } = await client("coverage --from 12 --to 12");
    expect(exitCode).toBe(3);
    expect(out).toContain("structlog 12: unverified");
    await ledger.write([ledgerRow({ blockNumber: 12, processor: "structlog", previous: row })]);
    expect((await client("coverage --from 12 --to 12")).exitCode).toBe(0);
  });

  test("--verify counts the stored rows, and finds that a handmade ledger has none", async () => {
    const { exitCode, json } = await client("coverage --from 10 --to 11 --verify --json");
    expect(exitCode).toBe(3);
    expect(json).toMatchObject({
      processors: [{ miscounted: [10, 11] }, { miscounted: [10, 11] }],
    });
  });

  test("--explain tells the whole story of a block, oldest first", async () => {
    const { exitCode, json } = await client("coverage --explain 17 --json");
    expect(exitCode).toBe(0);
    expect(json).toMatchObject({
      proven: true,
      story: expect.arrayContaining([
        expect.objectContaining({ status: "failed", errorKind: "trace_refused" }),
        expect.objectContaining({ status: "complete", processor: "structlog" }),
      ]),
    });
    const { out } = await client("coverage --explain 17");
    expect(out).toContain("trace_refused: the node refused");
    expect(out.indexOf("trace_refused")).toBeLessThan(out.indexOf("complete, proven"));
    expect(out).toContain("backfill/devnet/10-19 (done), blocks 10-19: structlog, transaction");
    expect(out).toContain("structlog attempt 18: 0 rows; the ledger promises 10: NOT EQUAL");
    expect(out).toContain("counted again by gap-fill: structlog never, transaction never");
    expect(out.trimEnd().endsWith("Proven.")).toBe(true);
  });

  test("--explain of a block that nobody expects says so of that block, and how to have it", async () => {
    const { exitCode, json } = await client("coverage --explain 99 --json");
    expect(exitCode).toBe(3);
    expect(json).toMatchObject({ blockNumber: 99, expectedBy: [], standing: [], story: [] });
    const { out } = await client("coverage --explain 99");
    expect(out).toContain("nobody: no job was told to index it");
    expect(out).toContain("Not expected. To have it: npm run client -- index 99");
    expect(out).not.toContain("nothing of devnet");
  });

  test("--explain tells of reorgs, of rows that no ledger row names, and what is tried when", async () => {
    const ledger = createLedger(clickhouse.client);
    const [standing] = await ledger.readBlocks(network, ["structlog"], [19]);
    const newHash: Hex = `0x${"b".repeat(64)}`;
    await ledger.write([
      {
        ...standing!,
        blockHash: newHash,
        status: "failed",
        generation: 2,
        attemptId: "0",
        errorKind: "trace_cut",
        errorMessage: "the stream broke",
        nextAttemptAt: "2026-01-01T00:00:00.000Z",
        reason: "reorg of depth 1 above block 18",
      },
    ]);
    await clickhouse.client.insertRows(
      "execution_structlog",
      [{ meta_network_name: network, block_number: 19, attempt_id: standing!.attemptId }],
      { token: "leftover" },
    );
    const { out, exitCode } = await client("coverage --explain 19");
    expect(exitCode).toBe(3);
    expect(out).toMatch(new RegExp(`${standing!.blockHash}  ${newHash}  +10\n`));
    expect(out).toContain("structlog: trace_cut: the stream broke; tried again at 2026-01-01");
    expect(out).toContain(
      `structlog attempt ${standing!.attemptId}: 1 rows; no ledger row names them`,
    );
    expect(out).toContain("Not proven: structlog failed.");
    await ledger.write([{ ...standing!, generation: 4 }]);
  });
});

describe("the real command line", () => {
  const root = fileURLToPath(new URL("../../..", import.meta.url));
  const spawnClient = async (...argv: string[]) => {
    const environment = { PATH: process.env["PATH"], ...variables };
    // Not by npx: it may say on stderr that a newer npm is out.
    const argumentsOfNode = ["--import", "tsx", "src/client.ts", ...argv];
    const run = promisify(execFile)(process.execPath, argumentsOfNode, {
      cwd: root,
      env: environment,
    });
    return run.then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
        code,
        stdout,
        stderr,
      }),
    );
  };

  test("prints JSON alone, and exits with the code of the answer", async () => {
    const proven = await spawnClient("coverage", "--json", "--from", "10", "--to", "19");
    expect(JSON.parse(proven.stdout)).toMatchObject({ proven: true });
    expect(proven).toMatchObject({ code: 0, stderr: "" });

    const beyond = await spawnClient("coverage", "--json", "--to", "25");
    expect(JSON.parse(beyond.stdout)).toMatchObject({ proven: false });
    expect(beyond).toMatchObject({ code: 3, stderr: "" });
  });

  test("says on stderr, in three parts, what is wrong with a call", async () => {
    const { code, stdout, stderr } = await spawnClient("coverage", "--network", "atlantis");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatchInlineSnapshot(`
      "The network "atlantis" is not configured.
        configured networks: devnet
        Fix: name one of them with --network, or add it to blockloom.yaml (or set NETWORK and RPC_URL).
      "
    `);
  });
});
