import { Connection } from "@temporalio/client";
import getPort from "get-port";
import { type RunningProcess, startProcess } from "./processes.ts";
import { waitUntil } from "./wait-until.ts";

/** A Temporal dev server of our own on loopback, web UI included. */
export type TemporalServer = {
  readonly address: string;
  readonly namespace: string;
  readonly uiUrl: string;
  readonly process: RunningProcess;
  /** Settles when it is gone, whoever ended it. */
  readonly exited: RunningProcess["exited"];
  readonly stop: () => Promise<void>;
  readonly kill: () => Promise<void>;
};

type TemporalServerOptions = {
  /** The CLI's path; `resolveTemporalCli` finds it. */
  readonly cli: string;
  /** SQLite file that survives restarts. */
  readonly dbFilename: string;
  readonly logFile: string;
  /** Default: free ones. */
  readonly port?: number;
  readonly uiPort?: number;
  /** Where the web UI has payloads decoded; default: nowhere. */
  readonly codecEndpoint?: string | undefined;
  /** More dynamic configuration, values as JSON: `{ "limit.historyCount.suggestContinueAsNew": "50" }`. */
  readonly dynamicConfig?: Readonly<Record<string, string>>;
};

const namespace = "default";

/**
 * Measured on the dev server: without these it polls its own queues 20 times a second (10 activities/s), fires timers up
 * to 1 s late, and spreads a queue over 4 partitions so that priorities are not strict.
 */
const dynamicConfig = {
  "history.transferProcessorMaxPollRPS": "1000",
  "history.timerProcessorMaxPollRPS": "1000",
  "history.visibilityProcessorMaxPollRPS": "200",
  "history.timerProcessorMaxTimeShift": '"10ms"',
  "matching.numTaskqueueReadPartitions": "1",
  "matching.numTaskqueueWritePartitions": "1",
};

const searchAttributes = {
  Network: "Keyword",
  JobKind: "Keyword",
  JobStatus: "Keyword",
  FromBlock: "Int",
  ToBlock: "Int",
  FailedBlocks: "Int",
  DonePercent: "Double",
};

/** A free port may be taken by somebody else before the server has it. */
const mostTries = 3;

/** Starts `temporal server start-dev` and waits until a client can use it. */
export async function startTemporal(options: TemporalServerOptions): Promise<TemporalServer> {
  for (let tries = 1; ; tries += 1) {
    const port = options.port ?? (await getPort());
    const uiPort = options.uiPort ?? (await getPort());
    try {
      return await startOn({ port, uiPort }, options);
    } catch (error) {
      const isLost = options.port === undefined && String(error).includes("address already in use");
      if (!isLost || tries === mostTries) throw error;
    }
  }
}

async function startOn(
  { port, uiPort }: { readonly port: number; readonly uiPort: number },
  options: TemporalServerOptions,
): Promise<TemporalServer> {
  const server = startProcess({
    name: "Temporal",
    command: options.cli,
    args: [
      "server",
      "start-dev",
      "--ip=127.0.0.1",
      "--ui-ip=127.0.0.1",
      `--port=${port}`,
      `--ui-port=${uiPort}`,
      `--namespace=${namespace}`,
      ...(options.codecEndpoint ? [`--ui-codec-endpoint=${options.codecEndpoint}`] : []),
      `--db-filename=${options.dbFilename}`,
      // NORMAL with WAL survives a killed server; only a power cut could take the last moments.
      "--sqlite-pragma=journal_mode=WAL",
      "--sqlite-pragma=synchronous=NORMAL",
      ...pairs("--search-attribute", searchAttributes),
      ...pairs("--dynamic-config-value", { ...dynamicConfig, ...options.dynamicConfig }),
    ],
    logFile: options.logFile,
  });
  const address = `127.0.0.1:${port}`;
  await waitUntil(() => isUsable(address), {
    what: `Temporal on ${address}`,
    process: server,
  });
  return {
    address,
    namespace,
    uiUrl: `http://127.0.0.1:${uiPort}`,
    process: server,
    exited: server.exited,
    stop: () => server.stop(),
    kill: () => server.kill(),
  };
}

function pairs(flag: string, values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([key, value]) => [flag, `${key}=${value}`]);
}

async function isUsable(address: string): Promise<boolean> {
  const connection = await Connection.connect({ address, connectTimeout: 1000 });
  try {
    await connection.workflowService.describeNamespace({ namespace });
    return true;
  } finally {
    await connection.close();
  }
}
