import { randomUUID } from "node:crypto";
import type { Client, WorkflowHandle } from "@temporalio/client";
import { waitUntil } from "../../src/dev/wait-until.ts";
import type { BackfillInput } from "../../src/workflows/backfill-shapes.ts";
import type { FollowInput } from "../../src/workflows/follow-shapes.ts";
import type { GapFillInput } from "../../src/workflows/gap-fill-shapes.ts";
import { taskQueues, workflowIds } from "../../src/workflows/messages.ts";
import { FakeIndex } from "./fake-index.ts";
import type { TestTemporal } from "./temporal.ts";
import { workflowBundle } from "./workflow-runtime.ts";
import { startWorkflowServer, type WorkflowServer } from "./workflow-server.ts";

/** A real server, real workers, and fake activities of one network a test. */
export type WorkflowEnv = {
  readonly temporal: TestTemporal;
  readonly client: Client;
  /** A network of its own with workers of its own. */
  readonly network: (options?: { readonly fake?: FakeIndex }) => Promise<TestNetwork>;
  readonly stop: () => Promise<void>;
};

export type TestNetwork = {
  readonly name: string;
  readonly fake: FakeIndex;
  readonly startBackfill: (input?: Partial<BackfillInput>) => Promise<WorkflowHandle>;
  readonly startFollow: (input?: Partial<FollowInput>) => Promise<WorkflowHandle>;
  readonly startGapFill: (input?: Partial<GapFillInput>) => Promise<WorkflowHandle>;
  /** Stops the workers; `startWorkers` brings new ones. */
  readonly stopWorkers: () => Promise<void>;
  readonly startWorkers: () => Promise<void>;
};

/** Starts a Temporal dev server; end it with `stop`. */
export async function startWorkflowEnv(
  options: Parameters<typeof startWorkflowServer>[0] = {},
): Promise<WorkflowEnv> {
  const server = await startWorkflowServer(options);
  const networks: TestNetwork[] = [];
  return {
    temporal: server.temporal,
    client: server.client,
    network: async ({ fake = new FakeIndex() } = {}) => {
      const network = await startNetwork(server, fake);
      networks.push(network);
      return network;
    },
    stop: async () => {
      await Promise.all(networks.map((network) => network.stopWorkers()));
      await server.stop();
    },
  };
}

async function startNetwork(
  { client, runWorkers }: WorkflowServer,
  fake: FakeIndex,
): Promise<TestNetwork> {
  const name = `net-${randomUUID().slice(0, 8)}`;
  const taskQueue = `${taskQueues.workflows}-${name}`;
  const startWorkers = async () => {
    const { activities } = fake;
    return runWorkers([
      { taskQueue, activities, workflowBundle: await workflowBundle() },
      { taskQueue: taskQueues.head(name), activities },
      { taskQueue: taskQueues.bulk(name), activities },
    ]);
  };
  let stopWorkers = await startWorkers();
  const start = (type: string, workflowId: string, input: unknown) =>
    client.workflow.start(type, { workflowId, taskQueue, args: [input] });
  return {
    name,
    fake,
    startBackfill: (input = {}) => {
      const whole: BackfillInput = {
        v: 1,
        network: name,
        processors: ["structlog", "transaction"],
        fromBlock: 0,
        toBlock: 99,
        order: "oldest-first",
        concurrency: 2,
        force: false,
        chunkSeconds: 20,
        reason: "test",
        actor: "vitest",
        ...input,
      };
      return start("backfillWorkflow", workflowIds.backfill(name, whole), whole);
    },
    startFollow: (input = {}) =>
      start("followWorkflow", workflowIds.follow(name), {
        v: 1,
        network: name,
        processors: ["structlog", "transaction"],
        headPolicy: null,
        startBlock: null,
        ...input,
      } satisfies FollowInput),
    startGapFill: (input = {}) =>
      start("gapFillWorkflow", workflowIds.gapFill(name), {
        v: 1,
        network: name,
        processors: ["structlog", "transaction"],
        // Longer than any wait of a test: what has to come sooner is seen to come by itself.
        scanIntervalMs: 600_000,
        batchBlocks: 10,
        ...input,
      } satisfies GapFillInput),
    stopWorkers: () => stopWorkers(),
    startWorkers: async () => {
      stopWorkers = await startWorkers();
    },
  };
}

/**
 * Waits until a query of the workflow answers what `accept` accepts, and returns that answer. It waits for less than the
 * minute after which a halted job tries again by itself, so that a message is seen to set it going.
 */
export function untilQuery<Answer>(
  handle: WorkflowHandle,
  query: string,
  accept: (answer: Answer) => boolean,
): Promise<Answer> {
  let last: unknown;
  return waitUntil(
    async () => {
      const answer = await handle.query<Answer>(query);
      last = answer;
      return accept(answer) ? answer : undefined;
    },
    {
      get what() {
        return `${handle.workflowId} ${query}, last ${JSON.stringify(last)}`;
      },
      timeoutMs: 40_000,
    },
  );
}

/** The markdown that the UI shows as current details. */
export async function currentDetails(handle: WorkflowHandle): Promise<string> {
  const metadata = await handle.query<{ currentDetails?: string }>("__temporal_workflow_metadata");
  return metadata.currentDetails ?? "";
}

/** Waits until Temporal's list, which lags behind, has so many runs of a workflow id. */
export async function untilRuns(
  { client }: { readonly client: Client },
  { workflowId }: WorkflowHandle,
  count: number,
): Promise<void> {
  const query = `WorkflowId = "${workflowId}"`;
  await waitUntil(async () => (await client.workflow.count(query)).count >= count, {
    what: `${count} runs of ${workflowId} in the list`,
  });
}
