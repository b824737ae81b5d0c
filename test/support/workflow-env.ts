import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { Client, Connection, type WorkflowHandle } from "@temporalio/client";
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
} from "@temporalio/worker";
import { waitUntil } from "../../src/dev/wait-until.ts";
import type { BackfillInput } from "../../src/workflows/backfill-shapes.ts";
import type { FollowInput } from "../../src/workflows/follow-shapes.ts";
import type { GapFillInput } from "../../src/workflows/gap-fill-shapes.ts";
import { taskQueues, workflowIds } from "../../src/workflows/messages.ts";
import { FakeIndex } from "./fake-index.ts";
import { startTestTemporal, type TestTemporal } from "./temporal.ts";

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

let isRuntimeQuiet = false;
let bundle: Promise<{ code: string }> | undefined;

/** Lets the SDK print errors only, once a process. */
export function quietRuntime(): void {
  if (!isRuntimeQuiet) Runtime.install({ logger: new DefaultLogger("ERROR") });
  isRuntimeQuiet = true;
}

/** The workflows as the worker loads them, built once a process. */
export function workflowBundle(): Promise<{ code: string }> {
  bundle ??= bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL("../../src/workflows/index.ts", import.meta.url)),
    logger: new DefaultLogger("WARN"),
  });
  return bundle;
}

/** Starts a Temporal dev server; end it with `stop`. */
export async function startWorkflowEnv(
  options: Parameters<typeof startTestTemporal>[0] = {},
): Promise<WorkflowEnv> {
  quietRuntime();
  const temporal = await startTestTemporal(options);
  const connection = await Connection.connect({ address: temporal.address });
  const native = await NativeConnection.connect({ address: temporal.address });
  const client = new Client({ connection, namespace: temporal.namespace, identity: "test-client" });
  const networks: TestNetwork[] = [];
  return {
    temporal,
    client,
    network: async ({ fake = new FakeIndex() } = {}) => {
      const network = await startNetwork({ client, native, fake });
      networks.push(network);
      return network;
    },
    stop: async () => {
      await Promise.all(networks.map((network) => network.stopWorkers()));
      await native.close();
      await connection.close();
      await temporal.stop();
    },
  };
}

async function startNetwork(parts: {
  client: Client;
  native: NativeConnection;
  fake: FakeIndex;
}): Promise<TestNetwork> {
  const { client, native, fake } = parts;
  const name = `net-${randomUUID().slice(0, 8)}`;
  const taskQueue = `${taskQueues.workflows}-${name}`;
  let stopWorkers = await startWorkers({ native, fake, name, taskQueue });
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
        scanIntervalMs: 60_000,
        batchBlocks: 10,
        ...input,
      } satisfies GapFillInput),
    stopWorkers: () => stopWorkers(),
    startWorkers: async () => {
      stopWorkers = await startWorkers({ native, fake, name, taskQueue });
    },
  };
}

async function startWorkers(parts: {
  native: NativeConnection;
  fake: FakeIndex;
  name: string;
  taskQueue: string;
}): Promise<() => Promise<void>> {
  const common = {
    connection: parts.native,
    // Recorded histories hold it: no name of a machine.
    identity: "test-worker",
    activities: parts.fake.activities,
    maxHeartbeatThrottleInterval: "100ms",
    shutdownGraceTime: "100ms",
  };
  const workers = await Promise.all([
    Worker.create({
      ...common,
      taskQueue: parts.taskQueue,
      workflowBundle: await workflowBundle(),
      stickyQueueScheduleToStartTimeout: "1s",
    }),
    ...[taskQueues.head(parts.name), taskQueues.bulk(parts.name)].map((taskQueue) =>
      Worker.create({ ...common, taskQueue }),
    ),
  ]);
  const running = workers.map((worker) => worker.run());
  let stopped: Promise<void> | undefined;
  return () => {
    stopped ??= (async () => {
      for (const worker of workers) worker.shutdown();
      await Promise.all(running);
    })();
    return stopped;
  };
}

/** Waits until a query of the workflow answers what `accept` accepts, and returns that answer. */
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
      timeoutMs: 20_000,
    },
  );
}

/** The markdown that the UI shows as current details. */
export async function currentDetails(handle: WorkflowHandle): Promise<string> {
  const metadata = await handle.query<{ currentDetails?: string }>("__temporal_workflow_metadata");
  return metadata.currentDetails ?? "";
}

/** How many runs a workflow id has had. */
export async function runsOf({ client }: WorkflowEnv, handle: WorkflowHandle): Promise<number> {
  const query = `WorkflowId = "${handle.workflowId}"`;
  return waitUntil(async () => (await client.workflow.count(query)).count || undefined, {
    what: `${handle.workflowId} in the list`,
    timeoutMs: 5000,
  });
}
