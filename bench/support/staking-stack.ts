import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "@temporalio/client";
import { startEmbeddedServer } from "../../src/clickhouse/embedded/start.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { chainId } from "../../src/dev/anvil.ts";
import { type RunningProcess, startProcess } from "../../src/dev/processes.ts";
import { projectRoot } from "../../src/dev/project-root.ts";
import { newCodecKey, stakingEnv } from "../../src/dev/staking/staking-env.ts";
import { resolveTemporalCli } from "../../src/dev/temporal-cli.ts";
import { startTemporal } from "../../src/dev/temporal-server.ts";
import { waitUntil } from "../../src/dev/wait-until.ts";
import type { StakeCall } from "../../src/domain/staking/stake-call.ts";
import { createCodedClient } from "../../src/staking/coded-client.ts";
import { startRequest } from "../../src/staking/start-request.ts";
import { openClient } from "../../src/temporal/open-client.ts";
import type { Bench } from "../benchmark.ts";
import { database } from "./clickhouse.ts";
import type { StakingChain } from "./staking-chain.ts";

/** The staking service as it is run: Temporal, ClickHouse, a worker without the key and one with it, a process each. */
export type StakingStack = {
  readonly client: Client;
  /** Resolves once the request is durable. */
  readonly submit: (call: StakeCall) => Promise<void>;
};

export async function startStakingStack(
  bench: Bench,
  chain: StakingChain,
  signer: { readonly address: `0x${string}`; readonly privateKey: `0x${string}` },
): Promise<StakingStack> {
  const { stops } = bench;
  const folder = await mkdtemp(join(bench.folder, "staking-"));
  const temporal = await startTemporal({
    cli: await resolveTemporalCli({ root: projectRoot, report: bench.say }),
    dbFilename: join(folder, "temporal.db"),
    logFile: join(folder, "temporal.log"),
  });
  stops.add(temporal.stop);
  const clickhouse = await startEmbeddedServer({ dataDir: join(folder, "clickhouse") });
  stops.add(() => clickhouse.stop());
  const codecKey = newCodecKey();
  const env = {
    ...stakingEnv({
      rpcUrl: chain.url,
      stakingAddress: chain.contracts.stakingAddress,
      signer: signer.address,
      codecKey,
    }),
    STAKING_MAX_IN_FLIGHT: "16",
    TEMPORAL_ADDRESS: temporal.address,
    CLICKHOUSE_URL: clickhouse.url,
    CLICKHOUSE_DATABASE: database,
    METRICS_ADDRESS: "off",
  };
  const start = async (role: string, more: Readonly<Record<string, string>>) => {
    const worker = startProcess({
      name: `the worker (${role})`,
      command: process.execPath,
      args: [join(projectRoot, "dist", "worker.js")],
      env: { ...env, ...more, WORKER_ROLES: role },
      cwd: folder,
      logFile: join(folder, `${role}.log`),
    });
    stops.add(() => worker.stop(20_000));
    await untilReady(worker);
  };
  await start("stake", {});
  await start("sign", { PROCESSOR_PRIVATE_KEY: signer.privateKey });
  const config = loadConfig({ env, cwd: folder });
  const opened = await openClient(config.temporal);
  stops.add(opened.close);
  const client = createCodedClient(opened.client, config.staking?.codec.keys ?? []);
  return {
    client,
    submit: async (call) => {
      await startRequest(client, {
        chainId,
        call,
        signer: signer.address,
        source: "client",
        actor: "bench",
        lifetimeMs: 3_600_000,
      });
    },
  };
}

function untilReady(worker: RunningProcess): Promise<unknown> {
  return waitUntil(() => worker.output().includes("Worker is ready"), {
    what: `${worker.name} to be ready`,
    timeoutMs: 120_000,
    everyMs: 100,
    process: worker,
  });
}
