import { randomBytes } from "node:crypto";
import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { createIndexBlocks } from "../../src/activities/index-blocks/index-blocks.ts";
import type { Dependencies, Meters } from "../../src/activities/ports.ts";
import { createClickHouse } from "../../src/clickhouse/client.ts";
import { createLedger } from "../../src/clickhouse/ledger.ts";
import { createNetworkStore } from "../../src/clickhouse/networks.ts";
import { createRangeStore } from "../../src/clickhouse/ranges.ts";
import { createRecountStore } from "../../src/clickhouse/recount-cursor.ts";
import { createRowStore } from "../../src/clickhouse/rows.ts";
import { toEndpoint } from "../../src/rpc/endpoint.ts";
import { createExecutionNode } from "../../src/rpc/execution-node.ts";
import { readForkAt } from "../../src/rpc/fork-schedule.ts";
import { traceEngine } from "../../src/trace/trace-engine.ts";
import type { IndexBlocksInput, IndexBlocksResult } from "../../src/workflows/index-activities.ts";
import type { Done, Task, TaskOf } from "./task.ts";

const tenMinutes = 10 * 60_000;

/** The block job with all that a worker gives it; only Temporal's core is left out. */
export function openIndexer({ rpcUrl, clickhouseUrl, database, network, processors }: TaskOf) {
  const clickhouse = createClickHouse({ url: clickhouseUrl, database });
  const meters: Meters & { structlogs: number } = {
    structlogs: 0,
    rows(_network, table, count) {
      if (table === "execution_structlog") this.structlogs += count;
    },
    blocks() {},
    failures() {},
    headDistance() {},
    gaps() {},
    traceSeconds() {},
    reorg() {},
    finalityContradiction() {},
  };
  const node = createExecutionNode(toEndpoint({ name: "bench", url: rpcUrl, headers: {} }), {
    traceTimeoutMs: tenMinutes,
  });

  async function openNetwork() {
    const forkAt = await readForkAt(node.calls, {
      genesisFile: null,
      chainId: await node.chainId(),
    });
    return {
      name: network,
      node,
      processors,
      forkAt,
      headPolicy: "latest" as const,
      finalityDepth: null,
      retryPolicy: { initialDelayMs: 1000, maximumDelayMs: 1000, maximumAttempts: 12 },
    };
  }
  const opened = openNetwork();
  opened.catch(() => {});
  const dependencies: Dependencies = {
    network: () => opened,
    rows: createRowStore(clickhouse),
    ledger: createLedger(clickhouse),
    ranges: createRangeStore(clickhouse),
    networks: createNetworkStore(clickhouse),
    recounts: createRecountStore(clickhouse),
    meters,
    ensureGapFill: async () => ({ workflowId: "", started: false }),
    isWorkflowOpen: async () => false,
    now: () => new Date(),
    newAttemptId: () => randomBytes(8).readBigUInt64BE().toString(),
  };

  return async function index({ fromBlock, toBlock }: Task): Promise<Done> {
    meters.structlogs = 0;
    const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger("ERROR") });
    const input: IndexBlocksInput = {
      v: 1,
      network,
      processors,
      fromBlock,
      toBlock,
      maximumBlocks: null,
      headPolicy: null,
      force: true,
      reason: "bench",
      actor: "bench",
    };
    const result: IndexBlocksResult = await environment.run(
      createIndexBlocks(dependencies, traceEngine),
      input,
    );
    if (result.failedCount > 0) throw new Error(JSON.stringify(result.failed.slice(0, 3)));
    return { rows: meters.structlogs, bytes: 0 };
  };
}
