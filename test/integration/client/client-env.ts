import { DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { createLedger } from "../../../src/clickhouse/ledger.ts";
import { createRangeStore } from "../../../src/clickhouse/ranges.ts";
import { runClient } from "../../../src/client/run-client.ts";
import type { Hex } from "../../../src/domain/chain.ts";
import type { LedgerRow } from "../../../src/domain/ledger.ts";
import { nextLedgerRow } from "../../../src/domain/ledger-transition.ts";
import type { Processor } from "../../../src/domain/processor.ts";
import type {
  IndexActivities,
  IndexBlocksInput,
  IndexBlocksResult,
} from "../../../src/workflows/index-activities.ts";
import { taskQueues } from "../../../src/workflows/messages.ts";
import { startTestClickHouse, type TestClickHouse } from "../../support/clickhouse.ts";
import { FakeIndex } from "../../support/fake-index.ts";
import { startTestTemporal, type TestTemporal } from "../../support/temporal.ts";
import { workflowBundle } from "../../support/workflow-runtime.ts";

export const network = "devnet";
const processors: readonly Processor[] = ["structlog", "transaction"];

export type ClientAnswer = {
  readonly exitCode: number;
  readonly out: string;
  readonly error: string;
  /** The one document of `--json`. */
  readonly json: Record<string, unknown>;
};

/** Real Temporal, real ClickHouse, real workflows; only what would trace a node is a fake that writes the ledger. */
export type ClientEnv = {
  readonly temporal: TestTemporal;
  readonly clickhouse: TestClickHouse;
  readonly fake: () => FakeIndex;
  /** A fake without faults for the next test. */
  readonly renewFake: () => void;
  readonly variables: Readonly<Record<string, string>>;
  /** Runs a command line as src/client.ts does. */
  readonly client: (line: string) => Promise<ClientAnswer>;
  readonly startWorkers: () => Promise<void>;
  readonly stopWorkers: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** One a process: the SDK's runtime is installed once. */
export async function startClientEnv({ rpcUrl }: { rpcUrl: string }): Promise<ClientEnv> {
  Runtime.install({ logger: new DefaultLogger("ERROR") });
  const [temporal, clickhouse] = await Promise.all([startTestTemporal(), startTestClickHouse()]);
  const connection = await NativeConnection.connect({ address: temporal.address });
  let fake = new FakeIndex();
  let stopWorkers = nothingToStop;
  const variables = {
    NETWORK: network,
    RPC_URL: rpcUrl,
    // Not all that there are, so that one which is not in use can be asked for.
    PROCESSORS: "structlog,transaction",
    CLICKHOUSE_URL: clickhouse.url,
    CLICKHOUSE_DATABASE: clickhouse.database,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_UI_URL: temporal.uiUrl,
  };
  return {
    temporal,
    clickhouse,
    variables,
    fake: () => fake,
    renewFake: () => {
      fake = new FakeIndex();
    },
    client: (line) => runLine(line, variables),
    startWorkers: async () => {
      stopWorkers = await startWorkers(
        connection,
        createActivities(clickhouse, () => fake),
      );
    },
    stopWorkers: () => stopWorkers(),
    stop: async () => {
      await stopWorkers();
      await connection.close();
      await Promise.all([temporal.stop(), clickhouse.stop()]);
    },
  };
}

async function nothingToStop(): Promise<void> {}

/** Arguments in quotes stay together. */
export async function runLine(
  line: string,
  env: Readonly<Record<string, string>>,
): Promise<ClientAnswer> {
  let [out, error] = ["", ""];
  const argv = [...line.matchAll(/'([^']*)'|(\S+)/g)].map((part) => part[1] ?? part[2] ?? "");
  const exitCode = await runClient(argv, {
    version: "test",
    env,
    streams: {
      out: (text) => {
        out += text;
      },
      error: (text) => {
        error += text;
      },
    },
  });
  return { exitCode, out, error, json: argv.includes("--json") ? JSON.parse(out) : {} };
}

async function startWorkers(
  connection: NativeConnection,
  activities: IndexActivities,
): Promise<() => Promise<void>> {
  const common = {
    connection,
    maxHeartbeatThrottleInterval: "100ms",
    shutdownGraceTime: "100ms",
  };
  const workers = await Promise.all([
    Worker.create({
      ...common,
      taskQueue: taskQueues.workflows,
      workflowBundle: await workflowBundle(),
      activities,
      stickyQueueScheduleToStartTimeout: "1s",
    }),
    ...[taskQueues.head(network), taskQueues.bulk(network)].map((taskQueue) =>
      Worker.create({ ...common, taskQueue, activities }),
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

function createActivities(clickhouse: TestClickHouse, fake: () => FakeIndex): IndexActivities {
  const ledger = createLedger(clickhouse.client);
  const ranges = createRangeStore(clickhouse.client);
  return {
    indexBlocks: async (input) => {
      const result = await fake().activities.indexBlocks(input);
      await ledger.write(await toRows(ledger, input, result));
      return result;
    },
    planChunk: (input) => fake().activities.planChunk(input),
    findGaps: (input) => fake().activities.findGaps(input),
    registerRange: async (input) => {
      await ranges.write(input.processors.map((processor) => ({ ...input, processor })));
    },
    findFollowStart: (input) => fake().activities.findFollowStart(input),
    ensureGapFill: (input) => fake().activities.ensureGapFill(input),
    announceRecovery: (input) => fake().activities.announceRecovery(input),
    releaseBlocks: (input) => fake().activities.releaseBlocks(input),
  };
}

/** What a real indexBlocks would have booked. */
async function toRows(
  ledger: ReturnType<typeof createLedger>,
  input: IndexBlocksInput,
  result: IndexBlocksResult,
): Promise<LedgerRow[]> {
  const blocks = Array.from(
    { length: result.nextBlock - input.fromBlock },
    (_, index) => input.fromBlock + index,
  );
  const before = await ledger.readBlocks(network, input.processors, blocks);
  return blocks.flatMap((blockNumber) =>
    input.processors.map((processor) => {
      const failed = result.failed.find((block) => block.blockNumber === blockNumber);
      const previous = before.find(
        (row) => row.blockNumber === blockNumber && row.processor === processor,
      );
      return ledgerRow({ blockNumber, processor, previous, failed, input });
    }),
  );
}

export function ledgerRow({
  blockNumber,
  processor,
  previous,
  failed,
  input = { reason: "test", actor: "vitest" },
}: {
  readonly blockNumber: number;
  readonly processor: Processor;
  readonly previous?: LedgerRow | undefined;
  readonly failed?: { readonly kind: string; readonly reason: string } | undefined;
  readonly input?: { readonly reason: string; readonly actor: string };
}): LedgerRow {
  const facts = {
    blockHash: hashOf(blockNumber),
    parentHash: hashOf(blockNumber - 1),
    node: "fake",
    clientVersion: "fake/1",
    decoderVersion: 1,
    durationMs: 1,
    traceBytes: 1,
  };
  return nextLedgerRow({
    key: { network, processor, blockNumber },
    previous,
    origin: { workflowId: "test", runId: "test", ...input },
    event: failed
      ? {
          kind: "failed",
          reorged: false,
          facts: {
            ...facts,
            errorKind: failed.kind,
            errorMessage: failed.reason,
            nextAttemptAt: new Date(Date.now() + 3_600_000).toISOString(),
          },
        }
      : {
          kind: "completed",
          reorged: false,
          facts: {
            ...facts,
            attemptId: String(blockNumber + 1),
            transactionCount: 2,
            structlogCount: 10,
            rowCount: processor === "structlog" ? 10 : 2,
            proof: "proven",
            proofDetail: "{}",
          },
        },
  });
}

/** The rows of blocks that nobody traced: for tests of what is read. */
export function handmadeLedger(
  blocks: readonly number[],
  change: (row: LedgerRow) => LedgerRow = (row) => row,
): LedgerRow[] {
  return blocks.flatMap((blockNumber) =>
    processors.map((processor) => change(ledgerRow({ blockNumber, processor }))),
  );
}

function hashOf(blockNumber: number): Hex {
  return `0x${(blockNumber + 1).toString(16).padStart(64, "0")}`;
}
