import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClickHouse } from "../../src/clickhouse/client.ts";
import { targetOf } from "../../src/client/job-target.ts";
import {
  release,
  requeue,
  startBackfill,
  startFollow,
  startGapFill,
} from "../../src/client/jobs.ts";
import { stopJob } from "../../src/client/steer-job.ts";
import { createRandom, type Random } from "../../src/dev/demo-chain/random.ts";
import { processors } from "../../src/domain/processor.ts";
import { startTestStack, type TestStack } from "../integration/stack/stack.ts";
import { type MovingChain, startMovingChain } from "./moving-chain.ts";
import { type ChaosKind, diskKinds, planChaos } from "./plan.ts";
import { type Programs, startPrograms } from "./programs.ts";
import {
  createProbe,
  expectFull,
  mountSmallDisks,
  type SmallDisk,
  type SmallDisks,
} from "./small-disks.ts";
import { compareWithOracle, type Verdict } from "./verdict.ts";

type ChaosOptions = {
  readonly seed: number;
  readonly minutes: number;
  readonly say: (line: string) => void;
};

/** How often each kind was really done, and whether what is stored is what a sequential oracle has. */
export type ChaosReport = {
  readonly injected: ReadonlyMap<ChaosKind, number>;
  /** Kinds that this machine allows nobody to do. */
  readonly skipped: readonly ChaosKind[];
  readonly released: number;
  readonly verdict: Verdict;
};

const network = "chaos";
/** Blocks that the chain has run ahead, for a backfill while chaos reigns. */
const blocksAhead = 60;
const scope = { network, processors };
const gapFill = { ...scope, scanIntervalMs: 2000 };

/** A real stack under seeded chaos, then peace until everything is complete, then the comparison. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const disks = await mountSmallDisks();
  if (!disks)
    options.say(`SKIPPED, for want of the right to mount a tmpfs: ${diskKinds.join(", ")}`);
  try {
    return await runOnDisks(options, disks);
  } finally {
    await disks?.stop();
  }
}

async function runOnDisks(options: ChaosOptions, disks: SmallDisks | null): Promise<ChaosReport> {
  const { seed, say } = options;
  const stack = await startTestStack({
    blocks: blocksAhead,
    ...(disks
      ? { disks: { dataDir: join(disks.data.path, "clickhouse"), tmpDir: disks.temp.path } }
      : {}),
  });
  const chain = startMovingChain(stack.chain);
  try {
    const programs = await startPrograms(stack, network);
    await createProbe(stack.store);
    const range = { fromBlock: stack.chain.first, toBlock: stack.chain.head };
    const { workflowId } = await startFollow(stack.client, {
      ...scope,
      startBlock: range.toBlock + 1,
    });
    await startGapFill(stack.client, gapFill);
    await startBackfill(stack.client, { ...scope, range, actor: "chaos" });

    const world = { stack, chain, programs, disks, random: createRandom(seed, 99) };
    const injected = await letLoose(world, options);
    say("chaos is over; waiting until every block is complete");
    await makePeace(world);
    await chain.stop();
    // A block on the branch that was last chosen: it is not complete before all below it is of that branch.
    await stack.chain.mine(1);
    const head = await chain.head();
    const released = await waitUntilComplete(stack, { ...range, toBlock: head }, say);
    await stopJob(stack.client, targetOf({ workflowId, kind: "follow", network, range: null }));
    const verdict = await compareWithOracle(stack, network, { ...range, toBlock: head });
    return { injected, skipped: disks ? [] : diskKinds, released, verdict };
  } finally {
    await chain.stop();
    await stack.stop();
  }
}

type World = {
  readonly stack: TestStack;
  readonly chain: MovingChain;
  readonly programs: Programs;
  readonly disks: SmallDisks | null;
  readonly random: Random;
};

const outageMs = 1500;
const staleMs = 3000;
const fullMs = 4000;
const fillings = 10;
const deepestReorg = 6;

/** Does all that is planned at its time; what cannot be done then is said and not counted. */
async function letLoose(world: World, { seed, minutes, say }: ChaosOptions) {
  const { proxy } = world.stack;
  const counts = new Map<ChaosKind, number>();
  const under: Promise<void>[] = [];
  let kills: Promise<void> = Promise.resolve();
  const startedAt = Date.now();
  for (const { atMs, kind } of planChaos({ seed, minutes })) {
    await sleep(Math.max(0, startedAt + atMs - Date.now()));
    const work = async () => {
      try {
        await perform(world, kind);
        if (!isTraceFault(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
        if (isLoud(kind)) say(`${clock(Date.now() - startedAt)}  ${kind}`);
      } catch (error) {
        say(`${clock(Date.now() - startedAt)}  ${kind} could not be done: ${firstLine(error)}`);
      }
    };
    if (inTurn.includes(kind) || kind.startsWith("kill")) {
      kills = kills.then(work);
      under.push(kills);
    } else {
      under.push(work());
    }
  }
  await Promise.all(under);
  for (const { fault } of proxy.injected) counts.set(fault, (counts.get(fault) ?? 0) + 1);
  return counts;
}

async function perform(world: World, kind: ChaosKind): Promise<void> {
  const { stack, chain, programs, random } = world;
  const { proxy } = stack;
  const depth = random.between(1, deepestReorg);
  switch (kind) {
    case "outage":
      await proxy.outage(true);
      await sleep(outageMs);
      return proxy.outage(false);
    case "staleHead":
      proxy.sinkHead(depth);
      await sleep(staleMs);
      return proxy.sinkHead(0);
    case "reorg":
      return chain.reorg(depth);
    case "shorterBranch":
      return chain.shorten(depth + 1);
    case "reorgBetweenCalls":
      // Counted when it is asked for: the next trace is a moment away.
      return proxy.beforeNextTrace(() => chain.reorg(depth).catch(() => {}));
    case "killWorker":
      return programs.killWorker(random.between(0, 1));
    case "freezeWorker":
      return programs.freezeWorker(random.between(0, 1));
    case "killTemporal":
      await stack.temporal.kill();
      return stack.temporal.restart();
    case "killClickHouse":
      await stack.clickhouse.kill();
      return stack.clickhouse.restart();
    case "killServer":
      return programs.killServer();
    case "tempDiskFull":
      return fillDisk(stack, world.disks?.temp);
    case "dataDiskFull":
      return fillDisk(stack, world.disks?.data);
    case "requeue":
      await requeue(stack.client, gapFill, {
        blocks: await someBlocks(world),
        reason: "chaos",
        actor: "chaos",
      });
      return;
    case "requeueOverHttp":
      return programs.requeue(await someBlocks(world));
    default:
      proxy.failNext(kind);
  }
}

async function fillDisk({ store }: TestStack, disk: SmallDisk | undefined): Promise<void> {
  if (!disk) throw new Error("no disk of its own could be mounted");
  try {
    await fillUp(store, disk);
    await sleep(fullMs);
  } finally {
    await disk.widen();
  }
}

/** What ClickHouse removes after the look at its disk is room again: then it is filled once more. */
async function fillUp(store: ClickHouse, disk: SmallDisk): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    await disk.fill();
    try {
      return await expectFull(store);
    } catch (error) {
      if (tried === fillings) throw error;
    }
  }
}

/** A few blocks that the chain has had for a while. */
async function someBlocks({ stack, chain, random }: World): Promise<string[]> {
  const { first } = stack.chain;
  const from = random.between(first, Math.max(first, (await chain.head()) - 10));
  return [`${from}-${from + 3}`];
}

/** One after another with the kills: ClickHouse cannot start again on a full disk. */
const inTurn: readonly ChaosKind[] = ["freezeWorker", ...diskKinds];
const loud: readonly ChaosKind[] = [
  "reorg",
  "shorterBranch",
  "reorgBetweenCalls",
  "killWorker",
  "freezeWorker",
  "killTemporal",
  "killClickHouse",
  "killServer",
  ...diskKinds,
  "requeue",
  "requeueOverHttp",
];
const isLoud = (kind: ChaosKind) => loud.includes(kind);
const isTraceFault = (kind: ChaosKind) =>
  !isLoud(kind) && kind !== "outage" && kind !== "staleHead";

async function makePeace({ stack }: World): Promise<void> {
  stack.proxy.clear();
  await stack.proxy.outage(false);
}

const patienceMs = 240_000;

/** What a person does afterwards: frees what was quarantined and waits. @returns how many blocks were freed. */
async function waitUntilComplete(
  { ledger, client }: TestStack,
  range: { readonly fromBlock: number; readonly toBlock: number },
  say: (line: string) => void,
): Promise<number> {
  const deadline = Date.now() + patienceMs;
  const wanted = (range.toBlock - range.fromBlock + 1) * processors.length;
  const freed = new Set<number>();
  for (;;) {
    const rows = await ledger.read({ network, processors, range });
    const complete = rows.filter(({ status }) => status === "complete").length;
    if (complete === wanted) return freed.size;
    const stuck = rows.filter(({ status }) => status === "quarantined");
    const blocks = [...new Set(stuck.map(({ blockNumber }) => blockNumber))];
    if (blocks.length > 0) {
      for (const block of blocks) freed.add(block);
      await release(client, gapFill, { blocks, actor: "chaos", reason: "chaos is over" });
    }
    if (Date.now() > deadline) {
      say(`gave up with ${complete} of ${wanted} ledger rows complete`);
      return freed.size;
    }
    await sleep(2000);
  }
}

const clock = (ms: number) => new Date(ms).toISOString().slice(14, 19);
const firstLine = (error: unknown) => String(error).split("\n")[0];
