import { Command } from "commander";
import { startFollow, startGapFill } from "../client/jobs.ts";
import { openSession } from "../client/session.ts";
import { loadConfig } from "../config/load-config.ts";
import { expectedChainId } from "../config/networks.ts";
import { JobInputDiffersError } from "../errors.ts";
import { createNetworks } from "../rpc/networks.ts";
import {
  interrupted,
  orAborted,
  parsePort,
  runCommand,
  stopOnSignals,
  untilAborted,
  userPath,
} from "./command-line.ts";
import { type DataFolder, defaultDataFolder, takeDataFolder } from "./data-folder.ts";
import { type Stack, startStack } from "./stack.ts";

type Options = {
  readonly rpc: string;
  readonly network: string;
  readonly genesis?: string;
  readonly follow?: true;
  readonly data: string;
  readonly temporalPort?: number;
  readonly uiPort?: number;
  readonly clickhousePort?: number;
};

/** Blocks of a first backfill: a node that is no archive has the state of the newest 128. */
const firstBlocks = 100;

const program = new Command("npm run dev --")
  .exitOverride()
  .description("Runs the whole stack against your own execution node, until Ctrl-C.")
  .requiredOption("--rpc <url>", "your node; it needs the debug namespace")
  .requiredOption("--network <name>", "the name of its chain, in every table: a-z, 0-9 and -")
  .option("--genesis <file>", "genesis file (geth's format) with the forks of a private chain")
  .option("--follow", "follow the head as well")
  .option("--data <dir>", "where databases and logs are kept", defaultDataFolder)
  .option("--temporal-port <port>", "default: a free one", parsePort)
  .option("--ui-port <port>", "Temporal's web UI; default: a free one", parsePort)
  .option("--clickhouse-port <port>", "default: a free one", parsePort);

await runCommand(async () => {
  const options = program.parse().opts<Options>();
  const stopping = stopOnSignals();
  const head = await checkNode(options);
  const folder = await takeDataFolder(userPath(options.data));
  const stack = await orAborted(startStack(toStackOptions(options, folder)), stopping);
  if (stack === undefined) return interrupted; // what was started by then ends with this process
  try {
    await startJobs(options, stack);
    console.log(describeStack(options, { stack, folder, head }));
    await untilAborted(stopping);
    console.log("Stopping ...");
  } finally {
    await stack.stop();
  }
  return 0;
});

/** Fails before anything is started where the node cannot serve. @returns the number of its newest block. */
async function checkNode({ rpc, network, genesis }: Options): Promise<number> {
  const config = loadConfig({ env: { ...nodeEnv({ rpc, network, genesis }) } });
  const open = await createNetworks(config, expectedChainId)(network, "bulk");
  return (await open.network.node.head("latest"))?.number ?? 0;
}

function nodeEnv({
  rpc,
  network,
  genesis,
}: Pick<Options, "rpc" | "network"> & { genesis?: string | undefined }) {
  return {
    NETWORK: network,
    RPC_URL: rpc,
    ...(genesis === undefined ? {} : { GENESIS_FILE: userPath(genesis) }),
  };
}

function toStackOptions(options: Options, folder: DataFolder) {
  const { temporalPort, uiPort, clickhousePort, genesis } = options;
  const clickhouseUrl = process.env["CLICKHOUSE_URL"];
  return {
    folder,
    dataDir: folder.path,
    network: options.network,
    rpcUrl: options.rpc,
    ...(genesis === undefined ? {} : { genesisFile: userPath(genesis) }),
    ports: {
      ...(temporalPort === undefined ? {} : { temporal: temporalPort }),
      ...(uiPort === undefined ? {} : { ui: uiPort }),
      ...(clickhousePort === undefined ? {} : { clickhouse: clickhousePort }),
    },
    clickhouse: clickhouseUrl
      ? { url: clickhouseUrl, database: process.env["CLICKHOUSE_DATABASE"] || "blockloom" }
      : null,
    report: console.log,
  };
}

async function startJobs({ network: name, follow }: Options, stack: Stack): Promise<void> {
  const session = openSession({ network: name }, { ...process.env, ...stack.env });
  try {
    const client = await session.context.temporal();
    const { processors } = session.context.network();
    await keepRunning(startGapFill(client, { network: name, processors }));
    if (follow) await keepRunning(startFollow(client, { network: name, processors }));
  } finally {
    await session.close();
  }
}

/** A job of an earlier time may have other settings, such as fewer processors: it goes on, and its user is told. */
async function keepRunning(starting: Promise<unknown>): Promise<void> {
  try {
    await starting;
  } catch (error) {
    if (!(error instanceof JobInputDiffersError)) throw error;
    console.log(error.message);
  }
}

function describeStack(
  { follow }: Options,
  { stack, folder, head }: { stack: Stack; folder: DataFolder; head: number },
): string {
  const { env, metricsUrl } = stack;
  const isDefault = folder.path === userPath(defaultDataFolder);
  return [
    `Temporal UI  ${env.TEMPORAL_UI_URL}`,
    `ClickHouse   ${env.CLICKHOUSE_URL} (database ${env.CLICKHOUSE_DATABASE})`,
    `Logs         ${folder.file("logs")}`,
    `Metrics      ${metricsUrl}`,
    `Runs         worker, gap-fill${follow ? ", follow" : ""}`,
    "",
    "In another terminal:",
    ...(isDefault ? [] : [`  set -a; . ${folder.file("stack.env")}; set +a`]),
    ...(follow ? [] : ["  npm run client -- follow start"]),
    `  npm run client -- backfill ${Math.max(0, head - firstBlocks + 1)}-${head} --wait`,
    "  npm run client -- status --watch",
    "",
    "Ctrl-C stops everything.",
  ].join("\n");
}
