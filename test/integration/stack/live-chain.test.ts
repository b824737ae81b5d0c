import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { targetOf } from "../../../src/client/job-target.ts";
import { requeue, startFollow, startGapFill } from "../../../src/client/jobs.ts";
import { queryJob, stopJob } from "../../../src/client/steer-job.ts";
import { callNode } from "../../../src/dev/json-rpc.ts";
import type { RunningProcess } from "../../../src/dev/processes.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import type { LedgerStatus } from "../../../src/domain/ledger.ts";
import type { FollowProgress } from "../../../src/workflows/follow-shapes.ts";
import type { GapFillProgress } from "../../../src/workflows/gap-fill-shapes.ts";
import { askOracle, expectProven, expectShown } from "./expectations.ts";
import { backfill, processors, startTestStack, type TestStack } from "./stack.ts";

const network = "live";
const blocks = 60;
const slowPace = 250;
/** A creation whose code counts down from 5,000: 35,000 steps are too many for an oracle, 100 rounds are not. */
const loopingCreation = {
  from: "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
  data: "0x60645b600190038060025700",
  gas: "0x4c4b40",
};

let stack: TestStack;
let worker: RunningProcess;

beforeAll(async () => {
  stack = await startTestStack({ blocks });
  worker = await stack.startWorker(network, { FINALITY_DEPTH: "30" });
});
afterAll(() => stack?.stop());

test("follow goes along with reorgs while a backfill runs: the views show the node's chain", async () => {
  const { chain, client, slowNode } = stack;
  slowNode.setPace(slowPace);
  // However long the rest takes, the backfill does not end before it.
  const letGo = slowNode.holdBlock(await hashOfNode(chain.head));
  const job = await backfill(stack, network);
  const follow = await startFollow(client, { network, processors, startBlock: chain.head + 1 });
  await chain.mine(6);
  const top = chain.head + 6;
  await waitUntilFollowed(top);

  // The same height, other blocks, with code to trace in two of them.
  await callNode(chain.url, "anvil_reorg", [
    4,
    [
      [loopingCreation, 0],
      [loopingCreation, 2],
    ],
  ]);
  await waitUntilFollowed(top);
  // Another branch that is shorter: two numbers are gone. (A head that only sinks is a replica that is behind.)
  await callNode(chain.url, "anvil_rollback", [4]);
  await callNode(chain.url, "anvil_mine", ["0x2"]);
  const head = top - 2;
  await waitUntil(
    async () => (await statusesOf([head + 1, head + 2])).every((one) => one === "retracted"),
    {
      what: "the blocks above the new head to be retracted",
    },
  );
  expect(await job.isRunning(), "the backfill was under way all the time").toBe(true);

  letGo();
  slowNode.setPace(0);
  expect(await job.result()).toMatchObject({ failed: 0 });
  const target = targetOf({ ...follow, kind: "follow", network, range: null });
  expect(await stopJob(client, target)).toEqual({ ended: true });
  const whole = { fromBlock: chain.first, toBlock: head };
  const { expected } = await stack.ledger.coverage({
    network,
    processor: "structlog",
    verify: false,
  });
  expect(expected, "nothing is expected of the blocks that are gone").toEqual([whole]);
  await expectProven(stack, network, whole);
  const seen = { fromBlock: 0, toBlock: top };
  await expectShown(stack, network, seen, await askOracle(stack, whole));
});

/** Two minutes of it were run by hand: REORG_SECONDS=120. */
const stormSeconds = Number(process.env["REORG_SECONDS"] ?? 25);
const reorgEveryMs = 5000;

test(
  "a reorg every 5 s while a backfill runs: the views are the node's chain, and the view reorgs tells each of them",
  async () => {
    const { chain, client } = stack;
    const first = chain.head + 1;
    const follow = await startFollow(client, { network, processors, startBlock: first });
    await mineCode(8);
    await waitUntilFollowed(await headOfNode());

    const told = await readReorgs();
    const endsAt = Date.now() + stormSeconds * 1000;
    let backfills = 0;
    const filling = (async () => {
      for (; Date.now() < endsAt; backfills += 1) {
        const job = await backfill(stack, network, { force: true });
        await job.result();
      }
    })();
    for (let i = 0; Date.now() < endsAt; i += 1) {
      const nextAt = Date.now() + reorgEveryMs;
      told.push(await reorg(1 + (i % 5), i % 3 === 2));
      await mineCode(2);
      await waitUntilFollowed(await headOfNode());
      await sleep(Math.max(0, nextAt - Date.now()));
    }
    await filling;
    const target = targetOf({ ...follow, kind: "follow", network, range: null });
    const progress = await queryJob<FollowProgress>(client, target, "progress");
    expect(await stopJob(client, target)).toEqual({ ended: true });

    expect(backfills).toBeGreaterThan(0);
    expect(progress.failed).toBe(0);
    const whole = { fromBlock: chain.first, toBlock: await headOfNode() };
    await expectProven(stack, network, whole);
    await expectShown(stack, network, whole, await askOracle(stack, whole));
    expect(await readReorgs()).toEqual(told);
  },
  (stormSeconds + 180) * 1000,
);

/** Moves the chain to another branch, which is one block shorter at first if wanted. @returns what the events must say. */
async function reorg(depth: number, isShorter: boolean): Promise<string> {
  const { url } = stack.chain;
  const ancestor = (await headOfNode()) - depth;
  if (isShorter) {
    await callNode(url, "anvil_rollback", [depth]);
    await mineCode(Math.max(1, depth - 1));
  } else {
    await callNode(url, "anvil_reorg", [depth, [[createAnother(), 0]]]);
  }
  return `reorg of depth ${depth} above block ${ancestor}`;
}

async function mineCode(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    await callNode(stack.chain.url, "eth_sendTransaction", [createAnother()]);
    await callNode(stack.chain.url, "evm_mine");
  }
}

let creations = 0;
/** Another creation each time: anvil gives a block of the same height the same time, and would make the same one again. */
function createAnother() {
  creations += 1;
  return {
    ...loopingCreation,
    data: `${loopingCreation.data}${creations.toString(16).padStart(8, "0")}`,
  };
}

async function headOfNode(): Promise<number> {
  return Number(await callNode(stack.chain.url, "eth_blockNumber"));
}

/** The reorgs that the view tells, oldest first: follow and a backfill that mend the same one at once tell it once. */
async function readReorgs(): Promise<string[]> {
  const rows = await stack.store.query<{ told: string }>(
    `SELECT concat('reorg of depth ', depth, ' above block ', first_block - 1) AS told FROM reorgs
     WHERE meta_network_name = {network:String} ORDER BY reorged_at`,
    { parameters: { network } },
  );
  return rows.map(({ told }) => told);
}

test("blocks that are requeued twice are traced again once", async () => {
  const { client, slowNode, ledger } = stack;
  const request = { blocks: [20, "22-26"], reason: "a test asks for them again", actor: "test" };
  const range = { fromBlock: stack.chain.first, toBlock: blocks };
  const before = await ledger.read({ network, processors, range });
  const { workflowId } = await startGapFill(client, { network, processors });
  const target = targetOf({ workflowId, kind: "gap-fill", network, range: null });

  slowNode.hold();
  expect(await requeue(client, { network, processors }, request)).toMatchObject({
    queued: 6,
    alreadyQueued: 0,
  });
  expect(await requeue(client, { network, processors }, request)).toMatchObject({
    queued: 0,
    alreadyQueued: 6,
  });
  slowNode.letGo();
  await waitUntil(
    async () => {
      const progress = await queryJob<GapFillProgress>(client, target, "progress");
      return progress.requeued === 0 && progress.requeuedDone > 0;
    },
    { what: "the requeued blocks to be done", process: worker },
  );
  expect(await stopJob(client, target)).toEqual({ ended: true });

  const asked = new Set([20, 22, 23, 24, 25, 26]);
  const after = await ledger.read({ network, processors, range });
  const generations = (rows: typeof after) => rows.map(({ generation }) => generation);
  expect(generations(after)).toEqual(
    before.map(({ blockNumber, generation }) => generation + (asked.has(blockNumber) ? 1 : 0)),
  );
  await expectProven(stack, network, range);
  await expectShown(stack, network, range, await askOracle(stack, range));
});

/** Waits until the ledger holds the node's own blocks from the backfill's end to `top`. */
async function waitUntilFollowed(top: number): Promise<void> {
  const { chain, ledger } = stack;
  const numbers = Array.from({ length: top - chain.head }, (_, i) => chain.head + 1 + i);
  const wanted = await Promise.all(numbers.map((number) => hashOfNode(number)));
  await waitUntil(
    async () => {
      const refs = await ledger.hashesAbove(network, chain.head, numbers.length);
      return refs.map(({ hash }) => hash).join() === wanted.toReversed().join();
    },
    { what: `follow to be at block ${top}`, process: worker },
  );
}

async function hashOfNode(blockNumber: number): Promise<string> {
  const params = [`0x${blockNumber.toString(16)}`, false];
  const block = await callNode(stack.chain.url, "eth_getBlockByNumber", params);
  if (typeof block !== "object" || block === null || !("hash" in block)) {
    throw new Error(`the node has no block ${blockNumber}`);
  }
  return String(block.hash);
}

async function statusesOf(numbers: readonly number[]): Promise<LedgerStatus[]> {
  const rows = await stack.ledger.readBlocks(network, processors, numbers);
  return rows.map(({ status }) => status);
}
