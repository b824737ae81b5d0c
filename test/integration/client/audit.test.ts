import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { prepareChain } from "../../../src/dev/demo-chain/demo-chain.ts";
import { processors } from "../../../src/domain/processor.ts";
import { traceEngine } from "../../../src/trace/trace-engine.ts";
import { startIndexBlocks } from "../../support/activity-run.ts";
import { startAnvil } from "../../support/anvil.ts";
import { startTestClickHouse, type TestClickHouse } from "../../support/clickhouse.ts";
import { openAnvilNetwork, realDependencies } from "../../support/real-index.ts";
import { runLine } from "./client-env.ts";

const network = "audited";
let anvil: Awaited<ReturnType<typeof startAnvil>>;
let stranger: Awaited<ReturnType<typeof startAnvil>>;
let clickhouse: TestClickHouse;
let head: number;
const client = (line: string) =>
  runLine(line, {
    NETWORK: network,
    RPC_URL: anvil.url,
    CLICKHOUSE_URL: clickhouse.url,
    CLICKHOUSE_DATABASE: clickhouse.database,
  });

beforeAll(async () => {
  [anvil, stranger, clickhouse] = await Promise.all([
    startAnvil({ args: ["--no-mining", "--order=fifo", "--timestamp=1700000000"] }),
    startAnvil({ args: ["--timestamp=1600000000"] }),
    startTestClickHouse(),
  ]);
  const chain = await prepareChain({ rpcUrl: anvil.url, seed: 7, targetSteps: 10_000 });
  head = chain.blocks;
  const opened = await openAnvilNetwork(anvil.url, { name: network, processors });
  const dependencies = realDependencies(opened, clickhouse.client);
  const input = { network, toBlock: head, processors };
  await startIndexBlocks({ dependencies, engine: traceEngine, input }).result;
  await dependencies.ranges.write(
    processors.map((processor) => ({
      network,
      processor,
      fromBlock: 0,
      toBlock: head,
      origin: "backfill" as const,
      workflowId: "b",
      state: "done" as const,
    })),
  );
});
afterAll(async () => {
  await Promise.all([anvil?.stop(), stranger?.stop(), clickhouse?.stop()]);
});

/** A block with rows of every processor. */
async function fullBlock(): Promise<number> {
  const [row] = await clickhouse.client.query<{ block_number: string }>(
    `SELECT block_number FROM execution_block FINAL WHERE meta_network_name = '${network}'
     GROUP BY block_number HAVING min(row_count) > 0 ORDER BY sum(row_count) DESC LIMIT 1`,
  );
  return Number(row?.block_number);
}

describe("audit", () => {
  test("finds every row of a whole chain equal, and stores no row of data", async () => {
    const rows = () =>
      clickhouse.client.query(
        "SELECT (SELECT count() FROM execution_structlog) AS steps, (SELECT count() FROM execution_structlog_agg) AS sums, (SELECT count() FROM execution_transaction) AS transactions",
      );
    const before = await rows();
    const { exitCode, json } = await client("audit --sample 10000 --seed 5 --json");
    expect(json).toMatchObject({
      network,
      seed: 5,
      candidates: head + 1,
      audited: head + 1,
      equal: head + 1,
      differing: 0,
      notCompared: 0,
      differences: 0,
      blocks: [],
    });
    expect(exitCode).toBe(0);
    const [stored] = await clickhouse.client.query<{ rows: string }>(
      `SELECT sum(row_count) AS rows FROM execution_block FINAL WHERE meta_network_name = '${network}'`,
    );
    expect(json["rowsCompared"]).toBe(Number(stored?.rows));
    expect(await rows()).toEqual(before);
    const outcomes = await clickhouse.client.query(
      `SELECT kind, count() AS n, sum(rows_compared) AS rows FROM execution_audit WHERE audit_id = '${String(json["auditId"])}' GROUP BY kind`,
    );
    expect(outcomes).toEqual([{ kind: "equal", n: String(3 * (head + 1)), rows: stored?.rows }]);
  });

  test("draws the same blocks for the same seed, from the window alone", async () => {
    const ask = async (line: string) => (await client(line)).json;
    const first = await ask("audit --sample 2 --seed 9 --from 1 --to 8 --json");
    const second = await ask("audit --sample 2 --seed 9 --from 1 --to 8 --json");
    expect(first).toMatchObject({ candidates: 8, audited: 2, equal: 2 });
    const drawn = await clickhouse.client.query<{ audit: string; blocks: string[] }>(
      `SELECT audit_id AS audit, arraySort(groupUniqArray(block_number)) AS blocks FROM execution_audit
       WHERE audit_id IN ('${String(first["auditId"])}', '${String(second["auditId"])}')
       GROUP BY audit`,
    );
    expect(drawn).toHaveLength(2);
    expect(drawn[0]?.blocks).toEqual(drawn[1]?.blocks);
    const nothing = await client("audit --from 1000000");
    expect(nothing.exitCode).toBe(2);
    expect(nothing.out).toContain("Nothing to audit");
  });

  test("finds one wrong value, a lost row and a row too many among thousands, and exits 3", async () => {
    const block = await fullBlock();
    const whereBlock = `meta_network_name = '${network}' AND block_number = ${block}`;
    const sync = "SETTINGS mutations_sync = 2";
    await clickhouse.client.command(
      `ALTER TABLE execution_structlog UPDATE gas_cost = gas_cost + 7 WHERE ${whereBlock} AND transaction_index = 0 AND index = 3 ${sync}`,
    );
    await clickhouse.client.command(
      `ALTER TABLE execution_structlog_agg DELETE WHERE ${whereBlock} AND transaction_index = 0 AND call_frame_id = 0 AND operation = 'PUSH1' ${sync}`,
    );
    await clickhouse.client.command(
      `INSERT INTO execution_transaction SELECT * FROM execution_transaction WHERE ${whereBlock} LIMIT 1`,
    );
    const { exitCode, json } = await client(
      `audit --sample 10000 --against ${anvil.url.replace("127.0.0.1", "localhost")} --json`,
    );
    expect(exitCode).toBe(3);
    expect(json).toMatchObject({ differing: 1, differences: 3, notCompared: 0 });
    expect(json["blocks"]).toEqual([
      expect.objectContaining({
        blockNumber: block,
        node: "against",
        processors: expect.any(Array),
      }),
    ]);
    expect(json).toHaveProperty("blocks.0.processors", [
      expect.objectContaining({
        processor: "structlog",
        outcome: "differs",
        differences: [
          {
            kind: "value",
            row: expect.stringMatching(/^transaction_index 0, index 3, call_frame_id \d+$/),
            column: "gas_cost",
            stored: expect.any(String),
            traced: expect.any(String),
          },
        ],
      }),
      expect.objectContaining({
        processor: "structlog_agg",
        differences: [
          {
            kind: "only_traced",
            row: "transaction_index 0, call_frame_id 0, operation PUSH1",
            column: "",
            stored: null,
            traced: null,
          },
        ],
      }),
      expect.objectContaining({
        processor: "transaction",
        differences: [expect.objectContaining({ kind: "only_stored", row: "position 0" })],
      }),
    ]);
    const text = await client(`audit --from ${block} --to ${block}`);
    expect(text.out).toContain(`structlog ${block}: 1 differences on`);
    expect(text.out).toMatch(/index 3, call_frame_id \d+: gas_cost stored \d+, traced \d+/);
    expect(text.out).toContain(`requeue ${block} --reason 'audit `);
    const kept = await clickhouse.client.query(
      `SELECT kind, processor FROM execution_audit WHERE audit_id = '${String(json["auditId"])}' AND kind != 'equal' ORDER BY processor, kind`,
    );
    expect(kept).toEqual([
      { kind: "differs", processor: "structlog" },
      { kind: "value", processor: "structlog" },
      { kind: "differs", processor: "structlog_agg" },
      { kind: "only_traced", processor: "structlog_agg" },
      { kind: "differs", processor: "transaction" },
      { kind: "only_stored", processor: "transaction" },
    ]);
  });

  test("refuses a node of another chain", async () => {
    const { exitCode, error } = await client(`audit --sample 1 --against ${stranger.url}`);
    expect(exitCode).toBe(1);
    expect(error).toContain("belong to another chain");
  });

  test("refuses what is no url", async () => {
    const { exitCode, error } = await client("audit --against other-node");
    expect(exitCode).toBe(2);
    expect(error).toContain("http or https url");
  });
});
