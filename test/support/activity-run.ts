import { ActivityCancellationDetails } from "@temporalio/common";
import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { createIndexBlocks } from "../../src/activities/index-blocks/index-blocks.ts";
import type { TraceEngine } from "../../src/activities/index-blocks/trace-engine.ts";
import type { Dependencies } from "../../src/activities/ports.ts";
import type {
  IndexBlocksHeartbeat,
  IndexBlocksInput,
  IndexBlocksResult,
} from "../../src/workflows/index-activities.ts";

/** One attempt of `indexBlocks`, as the worker runs it. */
export type IndexAttempt = {
  readonly result: Promise<IndexBlocksResult>;
  readonly heartbeats: IndexBlocksHeartbeat[];
  /** Somebody asks the job to stop. */
  readonly cancel: () => void;
  /** The worker stops. */
  readonly shutDown: () => void;
};

/** Starts one attempt of the block job; what is not said is a closed range of one block on the network `net`. */
export function startIndexBlocks({
  dependencies,
  engine,
  input,
  heartbeatDetails,
  attempt = 1,
}: {
  readonly dependencies: Dependencies;
  readonly engine: TraceEngine;
  readonly input: Partial<IndexBlocksInput>;
  readonly heartbeatDetails?: IndexBlocksHeartbeat | undefined;
  readonly attempt?: number;
}): IndexAttempt {
  const logger = new DefaultLogger("ERROR");
  const environment = new MockActivityEnvironment({ heartbeatDetails, attempt }, { logger });
  const heartbeats: IndexBlocksHeartbeat[] = [];
  environment.on("heartbeat", (details: IndexBlocksHeartbeat) => heartbeats.push(details));
  const result: Promise<IndexBlocksResult> = environment.run(
    createIndexBlocks(dependencies, engine),
    { ...oneBlock, ...input },
  );
  result.catch(() => {});
  const shutDown = () =>
    environment.cancel(
      "WORKER_SHUTDOWN",
      new ActivityCancellationDetails({ workerShutdown: true }),
    );
  return { result, heartbeats, cancel: () => environment.cancel(), shutDown };
}

const oneBlock: IndexBlocksInput = {
  v: 1,
  network: "net",
  processors: ["structlog", "transaction"],
  fromBlock: 0,
  toBlock: 0,
  maximumBlocks: null,
  headPolicy: null,
  force: false,
  reason: "a test",
  actor: "vitest",
};
