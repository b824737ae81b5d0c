import { join } from "node:path";
import getPort from "get-port";
import { startEmbeddedServer } from "../clickhouse/embedded/start.ts";
import type { DataFolder, StackEnv, StakingVariables } from "./data-folder.ts";
import { choosePort } from "./ports.ts";
import { startProcess } from "./processes.ts";
import { projectRoot } from "./project-root.ts";
import { StopList } from "./stop-list.ts";
import { SupervisedServer } from "./supervised-server.ts";
import { SupervisedWorker } from "./supervised-worker.ts";
import { resolveTemporalCli } from "./temporal-cli.ts";
import { startTemporal, type TemporalServer } from "./temporal-server.ts";
import { waitUntil } from "./wait-until.ts";

/** Servers and a worker, all of them ours, each started again when it dies; `stop` ends them in order. */
export type Stack = {
  readonly env: StackEnv;
  readonly worker: SupervisedWorker;
  /** Of the worker, for Prometheus. */
  readonly metricsUrl: string;
  readonly stop: () => Promise<void>;
};

export type StackOptions = {
  readonly folder: DataFolder;
  /** Where databases and logs go; below the folder. */
  readonly dataDir: string;
  readonly network: string;
  readonly rpcUrl: string;
  /** Where the worker asks, when that is not the node itself (a proxy). */
  readonly workerRpcUrl?: string;
  readonly genesisFile?: string;
  /** Default: free ones. */
  readonly ports?: {
    readonly temporal?: number;
    readonly ui?: number;
    readonly clickhouse?: number;
  };
  /** A server of the user's own; null: an embedded one. */
  readonly clickhouse: { readonly url: string; readonly database: string } | null;
  /** The staking service, and beside it a server that decodes its payloads for the web UI. */
  readonly staking?: StakingService | undefined;
  /** More of the worker's variables. */
  readonly workerEnv?: Readonly<Record<string, string>>;
  readonly report: (line: string) => void;
};

export type StakingService = {
  /** Of worker, server and client. */
  readonly env: StakingVariables;
  /** Of the worker alone: the key. */
  readonly keyEnv: Readonly<Record<string, string>>;
};

/** Variables of the caller that would turn the worker away from this stack. */
const foreignVariables = {
  BLOCKLOOM_CONFIG: undefined,
  TEMPORAL_PROFILE: undefined,
  TEMPORAL_CONFIG_FILE: undefined,
  TEMPORAL_API_KEY: undefined,
  TEMPORAL_TLS: undefined,
};

/** Starts Temporal, ClickHouse and a worker, and writes stack.env once all of them answer. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const stops = new StopList();
  stops.add(options.folder.release);
  const stop = () => stops.stopAll();
  try {
    return { ...(await startAll(options, stops)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startAll(options: StackOptions, stops: StopList): Promise<Omit<Stack, "stop">> {
  const { dataDir, report, staking } = options;
  const apiAddress = `127.0.0.1:${await getPort()}`;
  const [temporal, clickhouse] = await Promise.all([
    startOwnTemporal(options, stops, staking && `http://${apiAddress}/codec`),
    startClickHouse(options, stops),
  ]);
  const env: StackEnv = {
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    TEMPORAL_UI_URL: temporal.uiUrl,
    CLICKHOUSE_URL: clickhouse.url,
    CLICKHOUSE_DATABASE: clickhouse.database,
    RPC_URL: options.rpcUrl,
    NETWORK: options.network,
    ...(options.genesisFile === undefined ? {} : { GENESIS_FILE: options.genesisFile }),
    ...staking?.env,
  };
  const metricsAddress = `127.0.0.1:${await getPort()}`;
  const worker = await SupervisedWorker.start({
    env: {
      ...foreignVariables,
      LOG_LEVEL: workerLogLevel(),
      METRICS_ADDRESS: metricsAddress,
      ...env,
      RPC_URL: options.workerRpcUrl ?? options.rpcUrl,
      ...staking?.keyEnv,
      ...options.workerEnv,
    },
    logFile: `${dataDir}/logs/worker.log`,
    report,
  });
  stops.add(() => worker.stop());
  if (staking) {
    await startApi({
      env: {
        ...foreignVariables,
        ...env,
        API_ADDRESS: apiAddress,
        STAKING_CODEC_UI_ORIGIN: temporal.uiUrl,
      },
      logFile: `${dataDir}/logs/server.log`,
      stops,
      report,
    });
  }
  await options.folder.writeStackEnv(env);
  return { env, worker, metricsUrl: `http://${metricsAddress}/metrics` };
}

/** A quieter worker would not say that it is ready. */
function workerLogLevel(): string {
  const wanted = process.env["LOG_LEVEL"] ?? "";
  return ["trace", "debug"].includes(wanted) ? wanted : "info";
}

/** The HTTP API, of which the web UI has payloads decoded. */
async function startApi({
  stops,
  report,
  ...options
}: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logFile: string;
  readonly stops: StopList;
  readonly report: (line: string) => void;
}): Promise<void> {
  const start = async () => {
    const server = startProcess({
      name: "the server",
      command: process.execPath,
      args: ["--enable-source-maps", join(projectRoot, "dist", "server.js")],
      cwd: projectRoot,
      ...options,
    });
    await waitUntil(() => server.output().includes("Server is ready"), {
      what: "the server to be ready",
      everyMs: 100,
      process: server,
    });
    return server;
  };
  const supervised = new SupervisedServer(await start(), {
    name: "The server",
    restart: start,
    report,
  });
  stops.add(() => supervised.stop());
}

async function startOwnTemporal(
  { dataDir, ports, report }: StackOptions,
  stops: StopList,
  codecEndpoint: string | undefined,
): Promise<TemporalServer> {
  const options = {
    cli: await resolveTemporalCli({ root: projectRoot, report }),
    dbFilename: `${dataDir}/temporal.db`,
    logFile: `${dataDir}/logs/temporal.log`,
    port: await choosePort(ports?.temporal, "--temporal-port"),
    uiPort: await choosePort(ports?.ui, "--ui-port"),
    codecEndpoint,
  };
  const server = await startTemporal(options);
  const supervised = new SupervisedServer(server, {
    name: "Temporal",
    restart: () => startTemporal(options),
    report,
  });
  stops.add(() => supervised.stop());
  return server;
}

async function startClickHouse(
  { dataDir, clickhouse, ports, report }: StackOptions,
  stops: StopList,
): Promise<{ url: string; database: string }> {
  if (clickhouse !== null) return clickhouse;
  const options = {
    dataDir: `${dataDir}/clickhouse`,
    port: await choosePort(ports?.clickhouse, "--clickhouse-port"),
  };
  const server = await startEmbeddedServer(options);
  const supervised = new SupervisedServer(server, {
    name: "ClickHouse",
    restart: () => startEmbeddedServer(options),
    report,
  });
  stops.add(() => supervised.stop());
  return { url: server.url, database: "blockloom" };
}
