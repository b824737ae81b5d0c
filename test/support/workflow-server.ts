import { Client, Connection } from "@temporalio/client";
import { NativeConnection, Worker, type WorkerOptions } from "@temporalio/worker";
import { startTestTemporal, type TestTemporal } from "./temporal.ts";
import { quietRuntime } from "./workflow-runtime.ts";

/** A Temporal server of its own, a client of it, and workers as a test needs them. */
export type WorkflowServer = {
  readonly temporal: TestTemporal;
  readonly client: Client;
  /** Runs a worker per task queue; the answer ends them together and is safe to call twice. */
  readonly runWorkers: (queues: readonly WorkerOptions[]) => Promise<() => Promise<void>>;
  /** Stop the workers first. */
  readonly stop: () => Promise<void>;
};

/** Starts a Temporal dev server; end it with `stop`. */
export async function startWorkflowServer(
  options: Parameters<typeof startTestTemporal>[0] = {},
): Promise<WorkflowServer> {
  quietRuntime();
  const temporal = await startTestTemporal(options);
  const connection = await Connection.connect({ address: temporal.address });
  const native = await NativeConnection.connect({ address: temporal.address });
  return {
    temporal,
    client: new Client({ connection, namespace: temporal.namespace, identity: "test-client" }),
    runWorkers: (queues) => runWorkers(native, queues),
    stop: async () => {
      await native.close();
      await connection.close();
      await temporal.stop();
    },
  };
}

async function runWorkers(
  connection: NativeConnection,
  queues: readonly WorkerOptions[],
): Promise<() => Promise<void>> {
  const common = {
    connection,
    // Recorded histories hold it: no name of a machine.
    identity: "test-worker",
    maxHeartbeatThrottleInterval: "100ms",
    stickyQueueScheduleToStartTimeout: "1s",
    shutdownGraceTime: "100ms",
  } as const;
  const workers = await Promise.all(queues.map((queue) => Worker.create({ ...common, ...queue })));
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
