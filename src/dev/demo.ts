import { Command, InvalidArgumentError } from "commander";
import { formatCount } from "../client/views/format.ts";
import type { BlockRange } from "../domain/block-range.ts";
import {
  interrupted,
  orAborted,
  parsePort,
  runCommand,
  stopOnSignals,
  untilAborted,
  userPath,
} from "./command-line.ts";
import { closeStory } from "./demo/closing-table.ts";
import { type DemoData, openDemoData } from "./demo/demo-data.ts";
import { watchJobs } from "./demo/live-state.ts";
import { tellStakingStory } from "./demo/staking-story.ts";
import { judgeStaking } from "./demo/staking-table.ts";
import { beginStory, tellStory } from "./demo/story.ts";
import { closeTable } from "./demo/table.ts";
import { createView, type DemoView } from "./demo/view.ts";
import { createWorld, type DemoWorld } from "./demo/world.ts";
import { countTransactions } from "./demo-chain/step-estimate.ts";

type Options = {
  readonly exit?: true;
  readonly staking?: true;
  readonly data?: string;
  readonly rows: number;
  readonly seed: number;
  readonly temporalPort?: number;
  readonly uiPort?: number;
  readonly clickhousePort?: number;
};

const program = new Command("npm run demo --")
  .exitOverride()
  .description("A chain, the servers, a worker and every job, on this machine, until Ctrl-C.")
  .option("--exit", "tell the whole story, faults and kill included; exit 0 only if all is proven")
  .option("--staking", "feeless staking as well, on a second chain with the real contracts")
  .option("--data <dir>", "keep databases and chain there (default: fresh ones each time)")
  .option("--rows <count>", "structlog rows that the chain runs ahead by", parseCount, 2_000_000)
  .option("--seed <number>", "another number makes another chain", parseCount, 1)
  .option("--temporal-port <port>", "default: a free one", parsePort)
  .option("--ui-port <port>", "Temporal's web UI; default: a free one", parsePort)
  .option("--clickhouse-port <port>", "default: a free one", parsePort);

await runCommand(async () => {
  const options = program.parse().opts<Options>();
  const started = Date.now();
  const stopping = stopOnSignals();
  const view = createView(process.stdout);
  const world = await orAborted(openWorld(options, view), stopping);
  if (world === undefined) return interrupted; // what was started by then ends with this process
  const range = { fromBlock: 0, toBlock: world.chain.blocks };
  const jobs = watchJobs({ ...world, range, uiUrl: world.stack.env.TEMPORAL_UI_URL }, view.show);
  try {
    const story = options.exit
      ? tellAll(world, range, view)
      : stayUp(world, view, { stopping, data: options.data });
    const result = await orAborted(story, stopping);
    jobs.stop();
    view.end();
    if (!result) return options.exit ? interrupted : 0;
    const tables = [
      closeStory({
        ...result,
        chainTransactions: await countTransactions(world.stack.env.RPC_URL, result.head),
        peakMemory: world.stack.worker.peakMemory,
        seconds: (Date.now() - started) / 1000,
      }),
      ...(result.staking === null ? [] : [closeTable(judgeStaking(result.staking))]),
    ];
    for (const { text } of tables) console.log(text);
    return tables.every(({ isProven }) => isProven) ? 0 : 1;
  } finally {
    jobs.stop();
    view.end();
    console.log("Stopping ...");
    await world.stop();
  }
});

async function tellAll(world: DemoWorld, range: BlockRange, { say }: DemoView) {
  const result = await tellStory(world, range, say);
  return { ...result, staking: await tellSecondHalf(world, say) };
}

async function tellSecondHalf({ staking, stack }: DemoWorld, say: DemoView["say"]) {
  return staking && tellStakingStory({ ...staking, worker: stack.worker, say });
}

async function openWorld(options: Options, view: DemoView): Promise<DemoWorld> {
  const data = await openDemoData({ data: options.data, seed: options.seed });
  if (options.exit && data.earlierHead > 0) refuseUsedData(data);
  const { temporalPort, uiPort, clickhousePort } = options;
  const clickhouseUrl = process.env["CLICKHOUSE_URL"];
  const database = options.data === undefined ? `blockloom_demo_${Date.now()}` : "blockloom";
  view.say("making a chain with Uniswap, WETH, ERC-20s and odd contracts ...");
  return createWorld({
    data,
    targetSteps: options.rows,
    blockTimeMs: 1000,
    ports: {
      ...(temporalPort === undefined ? {} : { temporal: temporalPort }),
      ...(uiPort === undefined ? {} : { ui: uiPort }),
      ...(clickhousePort === undefined ? {} : { clickhouse: clickhousePort }),
    },
    withStaking: options.staking === true,
    clickhouse: clickhouseUrl ? { url: clickhouseUrl, database } : null,
    say: view.say,
  });
}

function refuseUsedData({ dataDir }: DemoData): never {
  throw new Error(
    `--exit tells its story on fresh data, and ${dataDir} holds a chain already.\n  Fix: leave --data away, or name an empty folder.`,
  );
}

/** Without --exit: the same jobs and faults, watched until Ctrl-C. */
async function stayUp(
  world: DemoWorld,
  view: DemoView,
  { stopping, data }: { readonly stopping: AbortSignal; readonly data: string | undefined },
): Promise<undefined> {
  const range = { fromBlock: 0, toBlock: world.chain.blocks };
  const { backfill } = await beginStory(world, range, view.say);
  const { result } = await backfill;
  view.say(
    `the backfill is done: ${formatCount(result?.rows ?? 0)} rows. Try, in another terminal:`,
  );
  if (data !== undefined) view.say(`  set -a; . ${userPath(data)}/stack.env; set +a`);
  view.say("  npm run client -- coverage --verify");
  view.say("  npm run client -- status --watch");
  if (world.staking !== null) {
    await tellSecondHalf(world, view.say);
    view.say("  npm run client -- signer status");
  }
  view.say("Ctrl-C stops everything.");
  await untilAborted(stopping);
  return undefined;
}

function parseCount(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number.");
}
