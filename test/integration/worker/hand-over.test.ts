import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startBackfill } from "../../../src/client/jobs.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import { callNode } from "../../../src/dev/json-rpc.ts";
import { type RunningProcess, startProcess } from "../../../src/dev/processes.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import { connectClient } from "../../../src/temporal/connect-client.ts";
import { startAnvil } from "../../support/anvil.ts";
import { startTestClickHouse, type TestClickHouse } from "../../support/clickhouse.ts";
import { startTestTemporal, type TestTemporal } from "../../support/temporal.ts";
import { type SlowNode, startSlowNode } from "../stack/slow-node.ts";

const sender = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
const account = "0x00000000000000000000000000000000000000aa";
/** Counts down from 5,000: 35,002 steps a call. */
const loopingCode = "0x6113885b600190038060035700";
const stepsPerCall = 35_002;
const heavyBlocks = 40;
const network = "demo";

let folder: string;
let anvil: Awaited<ReturnType<typeof startAnvil>>;
let node: SlowNode;
let clickhouse: TestClickHouse;
let temporal: TestTemporal;
let env: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "blockloom-hand-over-"));
  [anvil, clickhouse, temporal] = await Promise.all([
    startAnvil({ args: ["--no-mining"] }),
    startTestClickHouse(),
    startTestTemporal(),
  ]);
  await callNode(anvil.url, "anvil_setCode", [account, loopingCode]);
  for (let block = 0; block < heavyBlocks; block++) {
    await callNode(anvil.url, "eth_sendTransaction", [
      { from: sender, to: account, gas: "0x4c4b40" },
    ]);
    await callNode(anvil.url, "evm_mine", []);
  }
  node = await startSlowNode(anvil.url);
  env = {
    NETWORK: network,
    RPC_URL: node.url,
    CLICKHOUSE_URL: clickhouse.url,
    CLICKHOUSE_DATABASE: clickhouse.database,
    TEMPORAL_ADDRESS: temporal.address,
    METRICS_ADDRESS: "off",
    LOG_LEVEL: "debug",
  };
});
afterAll(async () => {
  await node?.stop();
  await Promise.all([anvil?.stop(), clickhouse?.stop(), temporal?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

function startWorker(name: string): RunningProcess {
  return startProcess({
    name,
    command: process.execPath,
    args: ["--import", "tsx", "src/worker.ts"],
    env,
    logFile: join(folder, `${name}.log`),
  });
}

test("a worker that is asked to stop in the middle of a chunk hands its place to the next one", async () => {
  // So slow that the chunk is not over before the worker hears that it has to stop.
  node.setPace(500);
  const first = startWorker("first");
  await waitUntil(() => first.output().includes("Worker is ready"), {
    what: "the first worker",
    process: first,
  });
  const { client, close } = await connectClient(loadConfig({ env, cwd: folder }).temporal);
  const range = { fromBlock: 0, toBlock: heavyBlocks };
  const { workflowId } = await startBackfill(client, {
    network,
    processors: ["structlog", "transaction"],
    range,
    concurrency: 1,
    actor: "test",
  });
  await waitUntil(() => first.output().includes('"blockNumber":2'), {
    what: "the first blocks",
    process: first,
  });
  await first.stop(60_000);
  expect(await first.exited).toEqual({ code: 0, signal: null });
  expect(first.output()).not.toContain(`"blockNumber":${heavyBlocks}`);

  node.setPace(0);
  const second = startWorker("second");
  const result: unknown = await client.workflow.getHandle(workflowId).result();
  expect(result).toMatchObject({ blocks: heavyBlocks + 1, failed: 0 });
  await second.stop(60_000);
  expect(second.output()).not.toContain('"blockNumber":1,');
  await close();

  const [counted] = await clickhouse.client.query<{ rows: number; blocks: number }>(
    `SELECT toUInt32(count()) AS rows, toUInt32(uniqExact(block_number)) AS blocks
     FROM canonical_execution_transaction_structlog WHERE meta_network_name = '${network}'`,
  );
  expect(counted).toEqual({ rows: heavyBlocks * stepsPerCall, blocks: heavyBlocks });
});
