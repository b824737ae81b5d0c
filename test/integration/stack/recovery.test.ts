import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { explainWait } from "../../../src/client/job-status.ts";
import { createRandom } from "../../../src/dev/demo-chain/random.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import type { BlockRange } from "../../../src/domain/block-range.ts";
import type { ComparedRows } from "../../support/oracle-comparison.ts";
import { askOracle, expectProven, expectShown } from "./expectations.ts";
import {
  type Backfill,
  backfill,
  countComplete,
  processors,
  startTestStack,
  type TestStack,
  waitUntilComplete,
} from "./stack.ts";
import { startTcpLink } from "./tcp-link.ts";

const blocks = 110;
/** Milliseconds for each step trace while there is to be a middle. */
const slowPace = 250;
const kills = 3;
const minuteMs = 60_000;
const patienceMs = 90_000;

let stack: TestStack;
let whole: BlockRange;
let oracle: ComparedRows;

beforeAll(async () => {
  stack = await startTestStack({ blocks });
  whole = { fromBlock: stack.chain.first, toBlock: stack.chain.head };
  oracle = await askOracle(stack, whole);
});
afterAll(() => stack?.stop());
beforeEach(() => stack.slowNode.setPace(slowPace));
// Every worker takes workflow tasks of all networks: one that is left over would fail those of the next test.
afterEach(() => stack.killWorkers());

test("SIGKILL of the worker at random moments of a backfill leaves the rows of a clean run", async () => {
  const network = "killed";
  // Other moments at every run; STACK_SEED repeats those of one.
  const seed = Number(process.env["STACK_SEED"] ?? Date.now() % 1_000_000);
  console.info(`moments of the kills: STACK_SEED=${seed}`);
  const random = createRandom(seed, 0);
  let worker = await stack.startWorker(network);
  const job = await backfill(stack, network);

  for (let kill = 1; kill <= kills; kill += 1) {
    const before = await countComplete(stack, network);
    await waitUntilComplete(stack, network, before + random.between(1, 12));
    await sleep(random.between(0, 1000));
    await worker.kill();
    expect(await job.isRunning(), `the backfill was under way at kill ${kill}`).toBe(true);
    const suspects = await blocksInHand(job);
    worker = await stack.startWorker(network);
    // A block in hand at two kills is booked as worker_lost, rightly so: each is to see one only.
    await waitUntilThese(network, suspects);
  }
  await expectEnd(network, job);
  await worker.stop();
}, 300_000);

test("a zombie, its heartbeat lost, writes on beside its heir, sleeps and wakes: the views do not change", async () => {
  const network = "zombie";
  const startPlugged = async () => {
    const link = await startTcpLink(stack.temporal.address);
    const env = { TEMPORAL_ADDRESS: link.address, LOG_LEVEL: "debug" };
    return { ...(await stack.startWorker(network, env)), link };
  };
  const workers = [await startPlugged(), await startPlugged()];
  const job = await backfill(stack, network, { concurrency: 1 });
  // Past the first chunk, which is short: the second has most blocks.
  await waitUntilComplete(stack, network, 20);
  stack.slowNode.hold();
  const zombie = await waitUntil(() => workers.find((worker) => isIndexing(worker.output())), {
    what: "one of the workers to have a chunk in hand",
    timeoutMs: patienceMs,
  });
  await zombie.link.cut();
  const [heir = zombie] = workers.filter((worker) => worker !== zombie);
  await waitUntil(() => isIndexing(heir.output()), {
    what: "the other worker to have the chunk",
    timeoutMs: patienceMs,
    process: heir,
  });
  stack.slowNode.letGo();
  await waitUntil(async () => (await findWrittenTwice(network)).length > 0, {
    what: "blocks that both workers wrote",
    timeoutMs: patienceMs,
    everyMs: 100,
    process: zombie,
  });
  process.kill(zombie.pid, "SIGSTOP");
  await expectEnd(network, job);
  await heir.stop();
  const before = await readWinners(network);

  process.kill(zombie.pid, "SIGCONT");
  await waitUntil(() => !isIndexing(zombie.output()), {
    what: "the zombie to end its attempt",
    timeoutMs: patienceMs,
    process: zombie,
  });
  await zombie.kill();
  const after = await readWinners(network);
  expect(after).toEqual(before);
  // The heir had the second attempt of the activity, and its rows are those that count.
  const contested = await findWrittenTwice(network);
  const winners = after.filter(({ blockNumber }) => contested.includes(blockNumber));
  expect(winners.filter(({ attempts }) => attempts < 2)).toEqual([]);
  await expectShown(stack, network, whole, oracle);
}, 300_000);

test("Temporal, then ClickHouse, killed and started again in the middle of a backfill lose nothing", async () => {
  const network = "restarts";
  const worker = await stack.startWorker(network);
  const job = await backfill(stack, network);
  await waitUntilComplete(stack, network, 10);

  stack.slowNode.hold();
  await waitUntil(async () => (await blocksInHand(job)).length > 0, {
    what: "a block to be in hand",
    timeoutMs: patienceMs,
  });
  await stack.temporal.kill();
  const done = await countComplete(stack, network);
  stack.slowNode.letGo();
  // What is in hand goes on without Temporal.
  await waitUntilComplete(stack, network, done + 1);
  await stack.temporal.restart();
  await waitUntilComplete(stack, network, (await countComplete(stack, network)) + 5);

  await stack.clickhouse.kill();
  await waitUntilItWaitsFor(job, "ClickHouse does not answer");
  await stack.clickhouse.restart();

  await expectEnd(network, job);
  await worker.stop();
}, 300_000);

test("a node that is away for a minute delays a backfill, which says so, and fails no block", async () => {
  const network = "outage";
  const worker = await stack.startWorker(network);
  const job = await backfill(stack, network);
  await waitUntilComplete(stack, network, 10);

  await stack.proxy.outage(true);
  const comesBackAt = Date.now() + minuteMs;
  await waitUntilItWaitsFor(job, 'execution node "rpc-url" does not answer');
  await waitUntilEachFailed(job, 'execution node "rpc-url" does not answer');
  const done = await countComplete(stack, network);
  await sleep(comesBackAt - Date.now());
  await waitUntilItWaitsFor(job, 'execution node "rpc-url" does not answer');
  expect(await countComplete(stack, network)).toBe(done);
  await stack.proxy.outage(false);

  await expectEnd(network, job);
  await worker.stop();
}, 300_000);

/** Lets the node be fast, waits for the end, and holds what stands to a clean run. */
async function expectEnd(network: string, job: Backfill): Promise<void> {
  stack.slowNode.setPace(0);
  expect(await job.result()).toMatchObject({ failed: 0 });
  await expectProven(stack, network, whole);
  await expectShown(stack, network, whole, oracle);
}

/** Waits until people who ask for the job's status are told what it waits for. */
async function waitUntilItWaitsFor(job: Backfill, what: string): Promise<void> {
  await waitUntil(
    async () => (explainWait({ waitingFor: null }, await job.pending()) ?? "").includes(what),
    { what: `the backfill to say: ${what}`, timeoutMs: patienceMs },
  );
}

/** Waits until an attempt of each of its calls has ended with that: what they had traced before is written. */
async function waitUntilEachFailed(job: Backfill, how: string): Promise<void> {
  await waitUntil(
    async () => (await job.pending()).every(({ lastFailure }) => lastFailure?.includes(how)),
    { what: `each call to fail: ${how}`, timeoutMs: patienceMs },
  );
}

/** Blocks that a next attempt holds for those that killed the worker. */
async function blocksInHand(job: Backfill): Promise<number[]> {
  const pending = await job.pending();
  return pending.flatMap(({ heartbeat }) => heartbeat?.inHand?.blockNumber ?? []);
}

async function waitUntilThese(network: string, numbers: readonly number[]): Promise<void> {
  await waitUntil(
    async () => {
      const rows = await stack.ledger.readBlocks(network, processors, numbers);
      const complete = rows.filter(({ status }) => status === "complete");
      return complete.length === numbers.length * processors.length;
    },
    { what: `blocks ${numbers.join(", ")} of a killed worker`, timeoutMs: patienceMs },
  );
}

/** The ledger's rows that the views go by. */
function readWinners(network: string) {
  return stack.ledger.read({ network, processors, range: whole });
}

/** Whether a worker has a chunk in hand, by its own log at level debug. */
function isIndexing(log: string): boolean {
  const messages = log.split("\n").filter((line) => line.includes('"activityType":"indexBlocks"'));
  const started = messages.filter((line) => line.includes("Activity started")).length;
  return started > messages.filter((line) => /Activity (completed|failed)/.test(line)).length;
}

/** Blocks that more than one attempt has completed. */
async function findWrittenTwice(network: string): Promise<number[]> {
  const rows = await stack.store.query<{ blockNumber: number }>(
    `SELECT toUInt32(block_number) AS blockNumber FROM execution_block_event
     WHERE meta_network_name = {network:String} AND processor = 'structlog' AND status = 'complete'
     GROUP BY block_number HAVING uniqExact(attempt_id) > 1`,
    { parameters: { network } },
  );
  return rows.map(({ blockNumber }) => blockNumber);
}
