import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import getPort from "get-port";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startEmbeddedServer } from "../../../src/clickhouse/embedded/start.ts";
import { type RunningProcess, startProcess } from "../../../src/dev/processes.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import { startAnvil } from "../../support/anvil.ts";
import { startTestTemporal } from "../../support/temporal.ts";

let folder: string;
let stops: (() => Promise<void>)[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "blockloom-worker-"));
  stops = [];
});
afterEach(async () => {
  for (const stop of stops.toReversed()) await stop();
  await rm(folder, { recursive: true, force: true });
});

function startWorker(env: Record<string, string>): RunningProcess {
  const worker = startProcess({
    name: "worker",
    command: process.execPath,
    args: ["--import", "tsx", "src/worker.ts"],
    env: { METRICS_ADDRESS: "off", ...env },
    logFile: join(folder, "worker.log"),
  });
  stops.push(() => worker.stop());
  return worker;
}

async function waitForLine(worker: RunningProcess, text: string): Promise<void> {
  await waitUntil(() => worker.output().includes(text), {
    what: `"${text}"`,
    process: worker,
  });
}

test("with nothing configured it says what to set, and exits 1", async () => {
  const worker = startWorker({});
  expect(await worker.exited).toEqual({ code: 1, signal: null });
  expect(worker.output()).toMatchInlineSnapshot(`
    "No network and no staking service is configured.
      Fix: set NETWORK and RPC_URL, or STAKING_ADDRESS and CHAIN_RPC_URL, or write blockloom.yaml (examples/blockloom.yaml).
    "
  `);
});

test("it waits for each thing that is away, says which, goes on when it comes, and stops cleanly", async () => {
  const [clickhousePort, nodePort, temporalPort] = [
    await getPort(),
    await getPort(),
    await getPort(),
  ];
  const env = {
    NETWORK: "demo",
    RPC_URL: `http://127.0.0.1:${nodePort}/?key=s3cret`,
    CLICKHOUSE_URL: `http://127.0.0.1:${clickhousePort}`,
    TEMPORAL_ADDRESS: `127.0.0.1:${temporalPort}`,
  };
  const worker = startWorker(env);
  await waitForLine(worker, "Waiting for ClickHouse");
  const clickhouse = await startEmbeddedServer({
    dataDir: join(folder, "data"),
    port: clickhousePort,
  });
  stops.push(() => clickhouse.stop());
  await waitForLine(worker, "Waiting for an execution node of demo");
  const anvil = await startAnvil({ port: nodePort });
  stops.push(anvil.stop);
  await waitForLine(worker, "Waiting for Temporal at");
  await worker.stop(60_000);
  expect((await worker.exited).code).toBe(0);

  const temporal = await startTestTemporal();
  stops.push(temporal.stop);
  const again = startWorker({ ...env, TEMPORAL_ADDRESS: temporal.address });
  await waitForLine(again, "Worker is ready");
  await again.stop(60_000);
  expect(await again.exited).toEqual({ code: 0, signal: null });
  expect(again.output()).toContain("Worker has stopped");
  for (const output of [worker.output(), again.output()]) {
    expect(output).not.toContain("s3cret");
    expect(output).not.toMatch(/\n\s+at /);
  }
});

test("a node of another chain than the name's is refused before anything is stored", async () => {
  const clickhouse = await startEmbeddedServer({ dataDir: join(folder, "data") });
  stops.push(() => clickhouse.stop());
  const anvil = await startAnvil();
  stops.push(anvil.stop);
  const worker = startWorker({
    NETWORK: "mainnet",
    RPC_URL: anvil.url,
    CLICKHOUSE_URL: clickhouse.url,
    TEMPORAL_ADDRESS: "127.0.0.1:1",
    LOG_LEVEL: "error",
  });
  expect(await worker.exited).toEqual({ code: 1, signal: null });
  expect(worker.output()).toMatchInlineSnapshot(`
    "The node "rpc-url" serves another chain than the network "mainnet".
      expected chain id: 1
      eth_chainId: 31337
      Fix: point the network at a node of its chain, or give this chain a network name of its own.
    "
  `);
});

const nodesOf = (...urls: string[]) =>
  urls.map((url, index) => `      - { name: node-${index}, url: "${url}/?key=s3cret" }\n`);

test("of several nodes in blockloom.yaml each is probed; one of another chain is named, and the worker exits 1", async () => {
  const [right, other] = [
    await startAnvil(),
    await startAnvil({ args: ["--no-mining", "--timestamp=1600000000"] }),
  ];
  const clickhouse = await startEmbeddedServer({ dataDir: join(folder, "data") });
  stops.push(right.stop, other.stop, () => clickhouse.stop());
  const file = join(folder, "blockloom.yaml");
  const start = async (...urls: string[]) => {
    await writeFile(file, `networks:\n  demo:\n    nodes:\n${nodesOf(...urls).join("")}`);
    return startWorker({
      BLOCKLOOM_CONFIG: file,
      CLICKHOUSE_URL: clickhouse.url,
      TEMPORAL_ADDRESS: `127.0.0.1:${await getPort()}`,
    });
  };

  const refused = await start(right.url, other.url);
  expect(await refused.exited).toEqual({ code: 1, signal: null });
  expect(refused.output()).toContain('The node "node-1" serves another chain');
  expect(refused.output()).toMatch(/expected genesis hash: 0x\w{64}, as the node "node-0" shows/);

  const away = await start(right.url, `http://127.0.0.1:${await getPort()}`);
  await waitForLine(away, "Waiting for Temporal at");
  expect(away.output()).toMatch(/"node":"node-0","clientVersion":"anvil/);
  expect(away.output()).toContain("Node is away");
  expect(refused.output() + away.output()).not.toContain("s3cret");
});
