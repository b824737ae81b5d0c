import type { Client } from "@temporalio/client";
import type { Ledger } from "../../activities/ports.ts";
import { openSession } from "../../client/session.ts";
import { formatCount } from "../../client/views/format.ts";
import type { Config } from "../../config/load-config.ts";
import type { Processor } from "../../domain/processor.ts";
import { createCodedClient } from "../../staking/coded-client.ts";
import { type PreparedChain, prepareChain, type Traffic } from "../demo-chain/demo-chain.ts";
import { startDemoAnvil } from "../demo-chain/start-demo-anvil.ts";
import { type FaultProxy, startFaultProxy } from "../fault-proxy.ts";
import { type Stack, type StackOptions, startStack } from "../stack.ts";
import { StopList } from "../stop-list.ts";
import type { DemoData } from "./demo-data.ts";
import { createStakingWorld, type StakingWorld } from "./staking-world.ts";

/** Everything that the demo runs on. */
export type DemoWorld = {
  readonly network: string;
  readonly processors: readonly Processor[];
  readonly chain: PreparedChain;
  /** The chain stood here before, and its jobs may run still. */
  readonly isResumed: boolean;
  readonly proxy: FaultProxy;
  readonly stack: Stack;
  readonly client: Client;
  readonly ledger: Ledger;
  /** The second half: with `--staking` alone. */
  readonly staking: { readonly world: StakingWorld; readonly client: Client } | null;
  /** Lets the chain go on, one block a second. */
  readonly startTraffic: () => Traffic;
  readonly stop: () => Promise<void>;
};

export type WorldOptions = {
  readonly data: DemoData;
  readonly targetSteps: number;
  readonly blockTimeMs: number;
  readonly ports: NonNullable<StackOptions["ports"]>;
  readonly clickhouse: StackOptions["clickhouse"];
  readonly withStaking: boolean;
  readonly say: (line: string) => void;
};

const network = "demo";

/** Makes the chain and the servers around it; what was started is stopped when something fails. */
export async function createWorld(options: WorldOptions): Promise<DemoWorld> {
  const stops = new StopList();
  stops.add(options.data.folder.release);
  const stop = () => stops.stopAll();
  try {
    return { ...(await createParts(options, stops)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function createParts(
  { data, say, ...options }: WorldOptions,
  stops: StopList,
): Promise<Omit<DemoWorld, "stop">> {
  const anvil = await startDemoAnvil({ dataDir: data.dataDir });
  stops.add(anvil.stop);
  const chain = await prepareChain({
    rpcUrl: anvil.url,
    seed: data.seed,
    targetSteps: options.targetSteps,
    minimumHead: data.earlierHead,
  });
  say(
    `the chain has run ahead: ${formatCount(chain.blocks)} blocks, about ${formatCount(chain.steps)} steps`,
  );
  const proxy = await startFaultProxy({ targetUrl: anvil.url });
  stops.add(proxy.stop);
  const staking = options.withStaking ? await createStakingWorld(data.dataDir, stops) : undefined;
  const stack = await startStack({
    folder: data.folder,
    dataDir: data.dataDir,
    network,
    rpcUrl: anvil.url,
    workerRpcUrl: proxy.url,
    ports: options.ports,
    clickhouse: options.clickhouse,
    staking,
    // A failed block is tried again after at most a second, so that the demo can show it.
    workerEnv: { RETRY_INITIAL_DELAY_MS: "1000" },
    report: say,
  });
  stops.add(stack.stop);
  // Never closed, but with the process: a call that waits to be retried would throw on a closed channel, out of reach.
  const { context } = openSession({ network }, { ...process.env, ...stack.env });
  say(`Temporal, ClickHouse and a worker are up; web UI: ${stack.env.TEMPORAL_UI_URL}`);
  const client = await context.temporal();
  return {
    network,
    processors: context.network().processors,
    chain,
    isResumed: data.earlierHead > 0,
    proxy,
    stack,
    client,
    ledger: await context.ledger(),
    staking: staking ? { world: staking, client: encrypting(client, context.config()) } : null,
    startTraffic: () => {
      const traffic = chain.startTraffic({
        blockTimeMs: options.blockTimeMs,
        onBlock: (head) => {
          data.noteHead(head).catch((error: unknown) => say(`chain.json: ${String(error)}`));
        },
      });
      stops.add(traffic.stop);
      return traffic;
    },
  };
}

function encrypting(client: Client, { staking }: Config): Client {
  return createCodedClient(client, staking?.codec.keys ?? []);
}
