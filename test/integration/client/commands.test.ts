import { Client, Connection } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { callNode } from "../../../src/dev/json-rpc.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import { startAnvil } from "../../support/anvil.ts";
import { type ClientAnswer, type ClientEnv, startClientEnv } from "./client-env.ts";
import { endJobs, jobIdsIn } from "./end-jobs.ts";

/** Blocks that the chain has, the highest one's number. */
const head = 5000;

let env: ClientEnv;
let anvil: Awaited<ReturnType<typeof startAnvil>>;
let temporal: Client;
/** Jobs that a test may have started. */
let jobs: Set<string>;
async function client(line: string): Promise<ClientAnswer> {
  const answer = await env.client(line);
  for (const id of jobIdsIn(answer.out + answer.error)) jobs.add(id);
  return answer;
}

beforeAll(async () => {
  anvil = await startAnvil();
  await callNode(anvil.url, "anvil_mine", [head]);
  env = await startClientEnv({ rpcUrl: anvil.url });
  const connection = await Connection.connect({ address: env.temporal.address });
  temporal = new Client({ connection });
  await env.startWorkers();
});
afterAll(async () => {
  await temporal?.connection.close();
  await env?.stop();
  await anvil?.stop();
});

beforeEach(() => {
  env.renewFake();
  jobs = new Set(["follow/devnet", "gap-fill/devnet"]);
});
afterEach(async () => {
  env.fake().openGate();
  await endJobs(temporal, jobs);
});

/** The list, by which the product finds overlaps and what runs, lags behind. */
async function untilListed(count: number) {
  await waitUntil(
    async () => (await temporal.workflow.count("ExecutionStatus = 'Running'")).count === count,
    { what: `${count} running jobs in Temporal's list` },
  );
}

/** A display leaves out what does not answer within two seconds, so a look may be repeated. */
const untilShown = (line: string) => expect.poll(async () => (await client(line)).json);

describe("follow", () => {
  test("starts once, is steered, and stops", async () => {
    expect(await client("follow start --head safe --json")).toMatchObject({
      exitCode: 0,
      json: {
        workflowId: "follow/devnet",
        started: true,
        link: `${env.temporal.uiUrl}/namespaces/default/workflows/follow%2Fdevnet`,
      },
    });
    expect((await client("follow start --json")).json).toMatchObject({ started: false });
    expect((await client("follow set-head --head finalized --json")).json).toMatchObject({
      headPolicy: "finalized",
    });
    expect((await client("follow pause")).out).toContain("follow/devnet pauses");
    await untilShown("follow status --json").toMatchObject({
      state: "running",
      progress: { headPolicy: "finalized", paused: true },
    });
    expect((await client("follow resume")).exitCode).toBe(0);
    expect((await client("follow stop --json")).json).toMatchObject({ stopped: true });
  });

  test("refuses other settings than those of the running one, also those changed since", async () => {
    await client("follow start --head safe");
    const { exitCode, json } = await client("follow start --head latest --json");
    expect(exitCode).toBe(2);
    expect(json).toMatchObject({
      error: {
        name: "JobInputDiffersError",
        facts: ['headPolicy: running "safe", wanted "latest"'],
      },
    });
    await client("follow set-head --head latest");
    expect((await client("follow start --head latest")).exitCode).toBe(0);
    expect((await client("follow start --head safe")).exitCode).toBe(2);
  });

  test("takes a person's word on a reorg beneath finality, with a whole hash alone", async () => {
    await client("follow start");
    const hash = `0x${"a".repeat(64)}`;
    expect((await client(`follow accept-reorg 1,000 ${hash} --json`)).json).toMatchObject({
      fromBlock: 1000,
      blockHash: hash,
    });
    expect((await client("follow accept-reorg 1000 0x12 --json")).exitCode).toBe(2);
    await client("follow stop");
  });

  test.each(["pause", "resume", "stop", "status", "set-head --head safe"])(
    "%s of a job that does not run says how to start it",
    async (command) => {
      const { exitCode, error } = await client(`follow ${command}`);
      expect(exitCode).toBe(2);
      expect(error).toContain('"follow/devnet" does not run.');
      expect(error).toContain("npm run client -- follow start --network devnet");
    },
  );
});

describe("backfill", () => {
  test("--wait ends with the coverage of the range, proven", async () => {
    const { exitCode, json, out } = await client("backfill 0:+40 --wait --json");
    expect(json).toMatchObject({
      state: "completed",
      result: { blocks: 40, failed: 0 },
      coverage: { proven: true },
    });
    expect(exitCode).toBe(0);
    expect(out.trimEnd()).not.toContain("\n");
  });

  test("--wait exits 3 when a block failed, and says which", async () => {
    env.fake().failures.set(105, 9);
    const { exitCode, out } = await client("backfill 100-109 --wait");
    expect(exitCode).toBe(3);
    expect(out).toContain(
      "10 blocks, 1 failed (gap-fill goes on with them); written: 20 transactions, 1,000 rows",
    );
    expect(out).toContain("structlog 105: failed, 1 block");
    expect(env.fake().ensuredGapFills).toBeGreaterThan(0);
  });

  test("--wait and status tell why a backfill failed, and exit 1", async () => {
    env.fake().outage = ApplicationFailure.nonRetryable(
      "The node serves another chain.",
      "WrongChainError",
    );
    const { exitCode, out } = await client("backfill 150-159 --wait");
    expect(exitCode).toBe(1);
    expect(out).toContain("backfill/devnet/150-159 ended: failed.\nThe node serves another chain.");
    expect((await client("backfill status 150-159 --json")).json).toMatchObject({
      state: "failed",
      result: null,
      reason: expect.stringContaining("The node serves another chain."),
    });
  });

  test("says what to run next, with the link of the workflow", async () => {
    env.fake().closeGate();
    const { out } = await client("backfill 200-299");
    expect(out).toBe(
      `Started backfill/devnet/200-299.
  Next: npm run client -- backfill status 200-299
  Next: npm run client -- coverage --from 200 --to 299
  UI:   ${env.temporal.uiUrl}/namespaces/default/workflows/backfill%2Fdevnet%2F200-299
`,
    );
  });

  test("refuses an overlap with a running one and names it, in numbers or in a length", async () => {
    env.fake().closeGate();
    await client("backfill 300-399");
    await untilListed(1);
    const { exitCode, error } = await client("backfill 350:+100");
    expect(exitCode).toBe(2);
    expect(error).toContain("The backfill 350-449 overlaps a running one.");
    expect(error).toContain("running: backfill/devnet/300-399");
    expect((await client("backfill 400-449")).exitCode).toBe(0);
  });

  test("is returned when it runs already, and refused with other settings", async () => {
    env.fake().closeGate();
    await client("backfill 500-599 --concurrency 2");
    expect((await client("backfill 500-599 --json")).json).toMatchObject({ started: false });
    const differs = await client("backfill 500-599 --newest-first --force --json");
    expect(differs.exitCode).toBe(2);
    expect(differs.json).toMatchObject({
      error: {
        facts: [
          'order: running "oldest-first", wanted "newest-first"',
          "force: running false, wanted true",
        ],
      },
    });
    expect((await client("backfill set-concurrency 500-599 --concurrency 5 --json")).json).toEqual({
      workflowId: "backfill/devnet/500-599",
      concurrency: 5,
    });
    await untilShown("backfill status 500-599 --json").toMatchObject({
      progress: { concurrency: 5 },
    });
    expect((await client("backfill 500-599 --concurrency 2")).error).toContain(
      "concurrency: running 5, wanted 2",
    );
    expect((await client("backfill 500-599 --concurrency 5")).exitCode).toBe(0);
  });

  test("refuses a range beyond the head", async () => {
    const { exitCode, error } = await client("backfill 4990-6000");
    expect(exitCode).toBe(2);
    expect(error).toContain(`head: ${head}`);
  });

  test("pauses, goes on, tells its state, and stops", async () => {
    env.fake().closeGate();
    await client("backfill 600-699");
    await client("backfill pause 600-699");
    await untilShown("backfill status 600-699 --json").toMatchObject({
      state: "running",
      progress: { paused: true, totalBlocks: 100 },
    });
    await client("backfill resume 600-699");
    expect((await client("backfill stop 600:+100 --json")).json).toMatchObject({ stopped: true });
    expect((await client("backfill status 600-699 --json")).json).toMatchObject({
      state: "cancelled",
    });
  });
});

describe("index", () => {
  test("traces one block now, waits, and prints its ledger rows", async () => {
    const first = await client("index 700 --json");
    expect(first.json).toMatchObject({
      state: "completed",
      failed: false,
      rows: [
        { processor: "structlog", status: "complete", generation: 0 },
        { processor: "transaction", status: "complete", generation: 0 },
      ],
    });
    const again = await client("index 700 --json");
    expect(again.json).toMatchObject({ rows: [{ generation: 1 }, { generation: 1 }] });
  });

  test("may overlap a running backfill, and exits 1 when the block fails", async () => {
    env.fake().closeGate();
    await client("backfill 710-719");
    await untilListed(1);
    env.fake().failures.set(710, 2);
    const indexed = client("index 710");
    await untilListed(2);
    env.fake().openGate();
    const { exitCode, out } = await indexed;
    expect(exitCode).toBe(1);
    expect(out).toContain("trace_refused: the node refused");
  });
});

describe("requeue and release", () => {
  test("start gap-fill, and a requeue is idempotent while it waits", async () => {
    env.fake().closeGate();
    expect((await client("requeue 800 805-809 --reason 'looks short' --json")).json).toMatchObject({
      workflowId: "gap-fill/devnet",
      queued: 6,
      alreadyQueued: 0,
      refused: [],
    });
    expect((await client("requeue 805:+3 --json")).json).toMatchObject({
      queued: 0,
      alreadyQueued: 3,
    });
    await untilShown("gap-fill status --json").toMatchObject({
      progress: { requeued: 6 },
    });
    env.fake().openGate();
  });

  test("--wait ends when each block has a newer attempt, also over a complete one", async () => {
    await client("backfill 820-829 --wait");
    const { exitCode, json } = await client("requeue 820-822 --reason again --wait --json");
    expect(exitCode).toBe(0);
    expect(json).toMatchObject({
      queued: 3,
      blocks: [820, 821, 822].map((blockNumber) => ({
        blockNumber,
        attempts: { structlog: "complete", transaction: "complete" },
      })),
    });
    env.fake().failures.set(823, 1);
    const failed = await client("requeue 823 --wait");
    expect(failed.exitCode).toBe(1);
    expect(failed.out).toContain("structlog: failed, transaction: failed");
    // A requeue that fails leaves a complete block complete.
    expect((await client("coverage --from 820 --to 829")).exitCode).toBe(0);
  });

  test("a processor is asked for by its name or the reference's, one that is not in use is refused", async () => {
    env.fake().closeGate();
    expect((await client("requeue 840 --processor transaction_structlog")).exitCode).toBe(0);
    const { exitCode, error } = await client("requeue 840 --processor structlog_agg");
    expect(exitCode).toBe(2);
    expect(error).toContain('the processor "structlog_agg" is not in use here');
  });

  test("release reaches gap-fill by numbers or by kind", async () => {
    expect((await client("release 850-851 --reason mended")).exitCode).toBe(0);
    expect((await client("release --kind trace_refused --json")).json).toMatchObject({
      kind: "trace_refused",
    });
    await waitUntil(() => env.fake().released.length === 2, { what: "both releases" });
    expect(env.fake().released).toMatchObject([
      { blocks: expect.anything() },
      { kind: "trace_refused" },
    ]);
  });
});

describe("status", () => {
  test("shows every job, what it waits for, and who works", async () => {
    env.fake().closeGate();
    await client("follow start");
    await client("backfill 900-999");
    await untilListed(2);
    await untilShown("status --json").toMatchObject({
      jobs: [
        { workflowId: "follow/devnet", progress: { network: "devnet" } },
        { workflowId: "backfill/devnet/900-999", progress: { totalBlocks: 100 } },
      ],
      workers: [
        { taskQueue: "blockloom", work: "workflows", workers: [expect.any(String)] },
        { taskQueue: "blockloom", work: "activities", workers: [expect.any(String)] },
        { taskQueue: "devnet-head", workers: [expect.any(String)] },
        { taskQueue: "devnet-bulk", workers: [expect.any(String)] },
      ],
    });
    expect((await client("status --watch")).out).toContain("backfill/devnet/900-999");
    expect((await client("status --network devnet")).exitCode).toBe(0);
  });
});

describe("without a worker", () => {
  beforeAll(() => env.stopWorkers());
  afterAll(() => env.startWorkers());

  test("a job is started all the same, and status says that it waits for one", async () => {
    expect((await client("backfill 1000-1009")).exitCode).toBe(0);
    await untilListed(1);
    const { exitCode, json } = await client("status --json");
    expect(exitCode).toBe(0);
    expect(json).toMatchObject({
      jobs: [{ progress: null, waitingFor: "a worker: none answers" }],
    });
  });

  test("a requeue says who does not answer, and exits 1", async () => {
    const { exitCode, error } = await client("requeue 5");
    expect(exitCode).toBe(1);
    expect(error).toContain('No worker answers for "gap-fill/devnet".');
  });
});

describe("while Temporal is away", () => {
  test("a command says so and exits 1, and backfill --wait outlasts it", async () => {
    env.fake().closeGate();
    const waiting = client("backfill 1100-1109 --wait --json");
    await untilListed(1);
    await env.temporal.kill();
    const { exitCode, json } = await client("status --json");
    expect(exitCode).toBe(1);
    expect(json).toMatchObject({
      error: {
        name: "TemporalUnavailableError",
        facts: [`address: ${env.temporal.address}`, expect.any(String)],
      },
    });
    await env.temporal.restart();
    env.fake().openGate();
    expect(await waiting).toMatchObject({ exitCode: 0, json: { state: "completed" } });
  });
});
