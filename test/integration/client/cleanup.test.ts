import { Client, Connection } from "@temporalio/client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { deleteGarbage, findGarbage } from "../../../src/clickhouse/garbage.ts";
import { createLedger } from "../../../src/clickhouse/ledger.ts";
import { deleteEndedRun, listEndedRuns } from "../../../src/client/ended-jobs.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import { dataTables } from "../../../src/domain/processor.ts";
import { startTestClickHouse, type TestClickHouse } from "../../support/clickhouse.ts";
import { ledgerRow } from "../../support/ledger-rows.ts";
import { startTestTemporal, type TestTemporal } from "../../support/temporal.ts";
import { runLine } from "./client-env.ts";

let clickhouse: TestClickHouse;
let temporal: TestTemporal;
let connection: Connection;
let jobs: Client["workflow"];
let run = 0;
let network: string;
const client = (line: string) =>
  runLine(line, {
    NETWORK: network,
    RPC_URL: "http://127.0.0.1:1",
    CLICKHOUSE_URL: clickhouse.url,
    CLICKHOUSE_DATABASE: clickhouse.database,
    TEMPORAL_ADDRESS: temporal.address,
  });

beforeAll(async () => {
  // Temporal deletes a run only after its queues noted its end: once a minute, where nothing is set.
  const dynamicConfig = {
    "history.transferProcessorUpdateAckInterval": '"1s"',
    "history.visibilityProcessorUpdateAckInterval": '"1s"',
  };
  [clickhouse, temporal] = await Promise.all([
    startTestClickHouse(),
    startTestTemporal({ dynamicConfig }),
  ]);
  connection = await Connection.connect({ address: temporal.address });
  jobs = new Client({ connection }).workflow;
});
afterAll(async () => {
  await connection?.close();
  await Promise.all([clickhouse?.stop(), temporal?.stop()]);
});
afterEach(() => {
  vi.useRealTimers();
});
beforeEach(() => {
  run += 1;
  network = `cleaned-${run}`;
});

const hour = 3600;
const now = () => Math.floor(Date.now() / 1000);

/** Rows of one attempt, written so many seconds ago. */
async function store(blockNumber: number, attemptId: string, rows: number, secondsAgo: number) {
  for (const table of Object.values(dataTables)) {
    await clickhouse.client.insertRows(
      table,
      Array.from({ length: rows }, (_, row) => ({
        meta_network_name: network,
        block_number: blockNumber,
        attempt_id: attemptId,
        updated_date_time: now() - secondsAgo,
        [table === "execution_transaction" ? "position" : "transaction_index"]: row,
      })),
      { token: `${network}:${table}:${blockNumber}:${attemptId}:${secondsAgo}` },
    );
  }
}

async function stored(table = "execution_structlog"): Promise<string[]> {
  const rows = await clickhouse.client.query<{ block: string; attempt: string; rows: string }>(
    `SELECT block_number AS block, attempt_id AS attempt, count() AS rows FROM ${table}
     WHERE meta_network_name = '${network}' GROUP BY block, attempt ORDER BY block, attempt`,
  );
  return rows.map(({ block, attempt, rows: count }) => `${block}:${attempt}=${count}`);
}

const name = (blockNumber: number, attemptId: string, generation = 0) =>
  createLedger(clickhouse.client).write(
    (["structlog", "structlog_agg", "transaction"] as const).map((processor) =>
      ledgerRow({ network, processor, blockNumber, attemptId, generation, rowCount: 3 }),
    ),
  );

/** A workflow that no worker takes. @returns its run id. */
async function startJob(type: string, workflowId: string, { ended }: { readonly ended: boolean }) {
  const handle = await jobs.start(type, { workflowId, taskQueue: "nobody" });
  if (ended) await handle.terminate();
  return handle.firstExecutionRunId;
}

const endedRunsOfNetwork = () => runsOfNetwork("ExecutionStatus != 'Running'");

/** Run ids of all workflows whose id speaks of the network. */
async function runsOfNetwork(query?: string): Promise<string[]> {
  const runs: string[] = [];
  for await (const { workflowId, runId } of jobs.list(query === undefined ? {} : { query })) {
    if (workflowId.split("/")[1]?.startsWith(network)) runs.push(runId);
  }
  return runs;
}

describe("cleanup", () => {
  test("says what it would delete, and deletes it with --yes; canonical rows and young ones stay", async () => {
    await store(5, "100", 3, 48 * hour);
    await store(5, "101", 2, 48 * hour);
    await name(5, "100");
    // A zombie of another partition, and an attempt in flight: its first rows are old already.
    await store(900_000, "200", 4, 48 * hour);
    await store(6, "300", 1, 30 * hour);
    await store(6, "300", 2, 60);
    await store(7, "400", 5, 2 * hour);
    // Replaced by a requeue long ago.
    await store(8, "500", 3, 48 * hour);
    await store(8, "501", 3, 40 * hour);
    await name(8, "500");
    await name(8, "501", 1);
    const before = await stored();

    const dry = await client("cleanup");
    expect(dry.exitCode).toBe(0);
    expect(dry.out).toMatch(/execution_structlog +3 +9\n/);
    expect(dry.out).toContain("Nothing was deleted.\n  Next: npm run client -- cleanup --yes");
    expect(await stored()).toEqual(before);

    const { json } = await client("cleanup --yes --json");
    expect(json).toMatchObject({
      network,
      deleted: true,
      tables: [
        { table: "execution_structlog", attempts: 3, rows: 9 },
        { table: "execution_structlog_agg", attempts: 3, rows: 9 },
        { table: "execution_transaction", attempts: 3, rows: 9 },
      ],
    });
    const left = ["5:100=3", "6:300=3", "7:400=5", "8:501=3"];
    expect(await stored()).toEqual(left);
    expect(await stored("execution_transaction")).toEqual(left);
    expect((await client("cleanup")).out).toContain("Nothing to clean up");
    // Younger ones when asked for, but never what may be in flight.
    await client("cleanup --older-than 1h --yes");
    expect(await stored()).toEqual(["5:100=3", "6:300=3", "8:501=3"]);
  });

  test("goes on in batches, and stays within a window", async () => {
    await clickhouse.client.command(
      `INSERT INTO execution_transaction (meta_network_name, block_number, attempt_id, updated_date_time, position)
       SELECT '${network}', number % 700, number, now() - 172800, 0 FROM numbers(1, 1400)`,
    );
    const { json } = await client("cleanup --from 100 --to 699 --yes --json");
    expect(json).toMatchObject({ tables: [{}, {}, { attempts: 1200, rows: 1200 }] });
    expect(await stored("execution_transaction")).toHaveLength(200);
  });

  test("leaves alone what the ledger names between the look and the delete", async () => {
    await store(5, "100", 3, 48 * hour);
    const query = { network, processor: "structlog" as const, olderThan: new Date() };
    const found = [];
    for await (const batch of findGarbage(clickhouse.client, query)) found.push(...batch);
    expect(found).toEqual([{ blockNumber: 5, attemptId: "100", rows: 3 }]);
    await name(5, "100");
    expect(await deleteGarbage(clickhouse.client, query, found)).toEqual([]);
    expect(await stored()).toEqual(["5:100=3"]);
  });

  test("deletes jobs that ended long ago, but none that runs, of another network or of somebody else", async () => {
    await startJob("backfillWorkflow", `backfill/${network}/0-9`, { ended: true });
    await startJob("gapFillWorkflow", `gap-fill/${network}`, { ended: true });
    await startJob("followWorkflow", `follow/${network}`, { ended: true });
    const kept = [
      await startJob("followWorkflow", `follow/${network}`, { ended: false }),
      await startJob("backfillWorkflow", `backfill/${network}-2/0-9`, { ended: true }),
      await startJob("backfillWorkflow", `theirs/${network}/0-9`, { ended: true }),
      await startJob("theirWorkflow", `backfill/${network}/20-29`, { ended: true }),
    ];
    // A run stands in the list before its end does.
    await waitUntil(
      async () => (await endedRunsOfNetwork()).length === 6 && (await runsOfNetwork()).length === 7,
      { what: "seven runs in Temporal's list, six of them ended" },
    );
    expect((await client("cleanup")).out).toContain("Nothing to clean up");

    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 48 * hour * 1000 });
    const dry = await client("cleanup --dry-run");
    expect(dry.out).toMatch(new RegExp(`backfill/${network}/0-9 +1\n`));
    expect(dry.out).toContain("Nothing was deleted.");
    expect(await runsOfNetwork()).toHaveLength(7);
    const window = await client("cleanup --from 0 --yes --json");
    expect(window.json).toMatchObject({ jobs: [] });

    const { json } = await client("cleanup --yes --json");
    expect(json["jobs"]).toHaveLength(3);
    expect(json["jobs"]).toEqual(
      expect.arrayContaining([
        { workflowId: `backfill/${network}/0-9`, runs: 1 },
        { workflowId: `gap-fill/${network}`, runs: 1 },
        { workflowId: `follow/${network}`, runs: 1 },
      ]),
    );
    vi.useRealTimers();
    await waitUntil(async () => (await runsOfNetwork()).length === 4, {
      what: "the deleted runs to leave Temporal's list",
      timeoutMs: 180_000,
    });
    expect((await runsOfNetwork()).toSorted()).toEqual(kept.toSorted());
  });

  test("spares a run that runs after all, and does not mind one that is gone", async () => {
    const workflowId = `follow/${network}`;
    const runId = await startJob("followWorkflow", workflowId, { ended: false });
    const temporalClient = new Client({ connection });
    const query = { network, before: new Date(Date.now() + hour) };
    expect(await listEndedRuns(temporalClient, query)).toEqual([]);
    await deleteEndedRun(temporalClient, { workflowId, runId });
    const { status } = await jobs.getHandle(workflowId, runId).describe();
    expect(status.name).toBe("RUNNING");
    const gone = { workflowId, runId: "00000000-0000-4000-8000-000000000000" };
    await expect(deleteEndedRun(temporalClient, gone)).resolves.toBeUndefined();
  });

  test.each(["30m", "1", "day", "999999999d"])("refuses the age %s", async (age) => {
    const { exitCode, error } = await client(`cleanup --older-than ${age}`);
    expect(exitCode).toBe(2);
    expect(error).toContain("an hour to 100 years");
  });
});
