import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@temporalio/client";
import getPort from "get-port";
import type { Ledger } from "../../../src/activities/ports.ts";
import { type ClickHouse, createClickHouse } from "../../../src/clickhouse/client.ts";
import { startEmbeddedServer } from "../../../src/clickhouse/embedded/start.ts";
import { createLedger } from "../../../src/clickhouse/ledger.ts";
import { describeJob, type PendingActivity, readPending } from "../../../src/client/job-status.ts";
import { startBackfill } from "../../../src/client/jobs.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import { type FaultProxy, startFaultProxy } from "../../../src/dev/fault-proxy.ts";
import { type RunningProcess, startProcess } from "../../../src/dev/processes.ts";
import { StopList } from "../../../src/dev/stop-list.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import type { BlockRange } from "../../../src/domain/block-range.ts";
import type { Processor } from "../../../src/domain/processor.ts";
import { connectClient } from "../../../src/temporal/connect-client.ts";
import { startTestTemporal, type TestTemporal } from "../../support/temporal.ts";
import { type SlowNode, startSlowNode } from "./slow-node.ts";
import { startTestChain, type TestChain } from "./test-chain.ts";

export const processors: readonly Processor[] = ["structlog", "transaction"];

/** Every part of blockloom but its workers, all of them real: worker - proxy - slow node - anvil. */
export type TestStack = {
  readonly chain: TestChain;
  readonly slowNode: SlowNode;
  readonly proxy: FaultProxy;
  readonly temporal: TestTemporal;
  readonly clickhouse: {
    readonly kill: () => Promise<void>;
    readonly restart: () => Promise<void>;
  };
  readonly store: ClickHouse;
  readonly ledger: Ledger;
  readonly client: Client;
  /** Starts a worker process for a network and waits until it is ready. */
  readonly startWorker: (
    network: string,
    env?: Readonly<Record<string, string>>,
  ) => Promise<RunningProcess>;
  /** Starts the HTTP API for a network on a free port and waits until it is ready. */
  readonly startServer: (network: string) => Promise<RunningProcess & { readonly url: string }>;
  /** SIGKILL to every worker that still runs. */
  readonly killWorkers: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

const readyTimeoutMs = 60_000;
const database = "stack";

type StackOptions = {
  readonly blocks: number;
  /** Where ClickHouse keeps its data and bodies of inserts; default: folders of the stack. */
  readonly disks?: { readonly dataDir: string; readonly tmpDir: string };
};

export async function startTestStack(options: StackOptions): Promise<TestStack> {
  const stops = new StopList();
  const stop = () => stops.stopAll();
  try {
    return { ...(await startParts(options, stops)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startParts(
  { blocks, disks }: StackOptions,
  stops: StopList,
): Promise<Omit<TestStack, "stop">> {
  const keep = <Part extends { readonly stop: () => Promise<unknown> }>(part: Part): Part => {
    stops.add(part.stop);
    return part;
  };
  const folder = await mkdtemp(join(tmpdir(), "blockloom-stack-"));
  stops.add(() => rm(folder, { recursive: true, force: true }));
  const [chain, temporal, clickhouse] = await Promise.all([
    startTestChain({ dataDir: folder, blocks }).then(keep),
    startTestTemporal().then(keep),
    startRestartable(disks ?? { dataDir: join(folder, "clickhouse") }).then(keep),
  ]);
  const slowNode = keep(await startSlowNode(chain.url));
  const proxy = keep(await startFaultProxy({ targetUrl: slowNode.url }));
  const store = createClickHouse({ url: clickhouse.url, database });
  stops.add(() => store.close());
  const env = {
    RPC_URL: proxy.url,
    CLICKHOUSE_URL: clickhouse.url,
    CLICKHOUSE_DATABASE: database,
    TEMPORAL_ADDRESS: temporal.address,
    METRICS_ADDRESS: "off",
  };
  const { client, close } = await connectClient(
    loadConfig({ env: { TEMPORAL_ADDRESS: temporal.address }, cwd: folder }).temporal,
  );
  stops.add(close);
  let started = 0;
  async function start(kind: "worker" | "server", more: Readonly<Record<string, string>>) {
    const name = `${kind}-${(started += 1)}`;
    const program = keep(
      startProcess({
        name,
        command: process.execPath,
        args: ["--import", "tsx", `src/${kind}.ts`],
        env: { ...env, ...more },
        logFile: join(folder, `${name}.log`),
      }),
    );
    await waitUntil(() => / is ready/.test(program.output()), {
      what: `a ${kind} to be ready`,
      timeoutMs: readyTimeoutMs,
      process: program,
    });
    return program;
  }
  const workers: RunningProcess[] = [];
  async function startWorker(network: string, more: Readonly<Record<string, string>> = {}) {
    const worker = await start("worker", { NETWORK: network, ...more });
    workers.push(worker);
    return worker;
  }
  async function startServer(network: string) {
    const address = `127.0.0.1:${await getPort()}`;
    const server = await start("server", { NETWORK: network, API_ADDRESS: address });
    return { ...server, url: `http://${address}` };
  }
  return {
    chain,
    slowNode,
    proxy,
    temporal,
    clickhouse,
    store,
    ledger: createLedger(store),
    client,
    startWorker,
    startServer,
    killWorkers: async () => {
      await Promise.all(workers.map((worker) => worker.kill()));
    },
  };
}

/** An embedded ClickHouse that comes back where it was: same data, same port. */
async function startRestartable(folders: { readonly dataDir: string; readonly tmpDir?: string }) {
  let server = await startEmbeddedServer(folders);
  const { url } = server;
  return {
    url,
    kill: () => server.kill(),
    restart: async () => {
      server = await startEmbeddedServer({ ...folders, port: Number(new URL(url).port) });
    },
    stop: () => server.stop(),
  };
}

/** A backfill that is under way. */
export type Backfill = {
  /** What each of its activities that are not done told last. */
  readonly pending: () => Promise<readonly PendingActivity[]>;
  readonly isRunning: () => Promise<boolean>;
  readonly result: () => Promise<unknown>;
};

/** Starts one, of all of the chain's traffic where no range is said. */
export async function backfill(
  { client, chain }: TestStack,
  network: string,
  {
    concurrency = 2,
    force = false,
    range = { fromBlock: chain.first, toBlock: chain.head },
  }: {
    readonly concurrency?: number;
    readonly force?: boolean;
    readonly range?: BlockRange;
  } = {},
): Promise<Backfill> {
  const job = { network, processors, range, concurrency, force, actor: "test" };
  const { workflowId } = await startBackfill(client, job);
  const describe = () => describeJob(client, { workflowId, startCommand: "" });
  return {
    pending: async () => readPending(await describe()),
    isRunning: async () => (await describe()).status.name === "RUNNING",
    result: () => client.workflow.getHandle(workflowId).result(),
  };
}

/** How many blocks the ledger calls complete. */
export async function countComplete({ store }: TestStack, network: string): Promise<number> {
  const [counted] = await store.query<{ blocks: number }>(
    `SELECT toUInt32(count()) AS blocks FROM execution_block FINAL
     WHERE meta_network_name = {network:String} AND processor = 'structlog' AND status = 'complete'`,
    { parameters: { network } },
  );
  return counted?.blocks ?? 0;
}

/** Waits until the ledger calls so many blocks complete. */
export async function waitUntilComplete(
  stack: TestStack,
  network: string,
  blocks: number,
): Promise<void> {
  await waitUntil(async () => (await countComplete(stack, network)) >= blocks, {
    what: `${blocks} complete blocks of ${network}`,
    timeoutMs: 90_000,
    everyMs: 100,
  });
}
