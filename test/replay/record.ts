import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { WorkflowHandle } from "@temporalio/client";
import { historyToJSON } from "@temporalio/common/lib/proto-utils.js";
import { waitUntil } from "../../src/dev/wait-until.ts";
import {
  startWorkflowEnv,
  type TestNetwork,
  untilQuery,
  untilRuns,
  type WorkflowEnv,
} from "../support/workflow-env.ts";

// Records what the replay tests run: real histories of every path through each workflow.
// Run it when a new path is worth keeping: npx tsx test/replay/record.ts NAME… (default: every one)
// Old files stay unless named again: a history that once ran in production must replay for ever.

const folder = fileURLToPath(new URL("histories", import.meta.url));

async function save(env: WorkflowEnv, name: string, handle: WorkflowHandle): Promise<void> {
  const runs = [];
  const query = `WorkflowId = "${handle.workflowId}"`;
  for await (const { runId, startTime } of env.client.workflow.list({ query })) {
    runs.push({ runId, startTime });
  }
  runs.sort((a, b) => a.startTime.getTime() - b.startTime.getTime());
  // The first runs and the last: between them nothing new happens.
  const kept = runs.length > 4 ? [...runs.slice(0, 3), ...runs.slice(-1)] : runs;
  for (const [index, { runId }] of kept.entries()) {
    const history = await env.client.workflow.getHandle(handle.workflowId, runId).fetchHistory();
    await writeFile(`${folder}/${name}-${index + 1}.json`, `${historyToJSON(history)}\n`);
  }
  console.log(`${name}: ${kept.length} of ${runs.length} runs`);
}

async function cancel(handle: WorkflowHandle): Promise<void> {
  await handle.cancel();
  await handle.result().catch(() => {});
}

async function recordBackfill(env: WorkflowEnv, network: TestNetwork): Promise<void> {
  network.fake.failures.set(33, 1);
  network.fake.closeGate();
  const handle = await network.startBackfill({ toBlock: 299 });
  await untilQuery<{ inFlight: unknown[] }>(handle, "progress", (p) => p.inFlight.length === 2);
  await handle.signal("pause");
  await handle.executeUpdate("setConcurrency", { args: [{ concurrency: 3 }] });
  network.fake.openGate();
  await handle.signal("resume");
  await handle.result();
  await save(env, "backfill-done", handle);
}

async function recordStoppedBackfill(env: WorkflowEnv, network: TestNetwork): Promise<void> {
  network.fake.blockMs = 10;
  const handle = await network.startBackfill({ order: "newest-first", toBlock: 999 });
  await untilRuns(env, handle, 2);
  await cancel(handle);
  await save(env, "backfill-stopped", handle);
}

/** Its node refuses, asks for a rest, and takes fewer traces afterwards; cut into several runs. */
async function recordRefusedBackfill(env: WorkflowEnv, network: TestNetwork): Promise<void> {
  const { fake } = network;
  const told = { node: "a", refusals: 1, restMs: 700, traces: 4 };
  fake.blockMs = 5;
  fake.refusal = { nodes: [told], restMs: 700 };
  const handle = await network.startBackfill({ toBlock: 299, concurrency: 3 });
  await waitUntil(() => fake.complete.size > 40, { what: "blocks" });
  fake.refusal = { nodes: [{ ...told, restMs: 0, traces: 1 }] };
  await waitUntil(() => fake.refusal === undefined, { what: "a refusal" });
  fake.nodes = [{ node: "a", refusals: 0, restMs: 0, traces: 1 }];
  await handle.result();
  await save(env, "backfill-refused", handle);
}

async function recordFollow(env: WorkflowEnv, network: TestNetwork): Promise<void> {
  const { fake } = network;
  fake.head = 10;
  fake.failures.set(9, 1);
  const handle = await network.startFollow();
  await untilQuery<{ blocks: number }>(handle, "progress", ({ blocks }) => blocks > 0);
  await handle.executeUpdate("setHeadPolicy", { args: [{ headPolicy: "safe" }] });
  await handle.signal("pause");
  await handle.signal("resume");
  fake.head = 14;
  await untilRuns(env, handle, 3);
  await cancel(handle);
  await save(env, "follow", handle);
}

async function recordGapFill(env: WorkflowEnv, network: TestNetwork): Promise<void> {
  const { fake } = network;
  fake.gaps = {
    ...fake.gaps,
    missing: [{ fromBlock: 100, toBlock: 124 }],
    due: [7],
    unchained: [5],
  };
  fake.failures.set(7, 1);
  fake.nextDueAt = new Date(Date.now() + 500).toISOString();
  const handle = await network.startGapFill({ scanIntervalMs: 300 });
  await handle.signal("requeueBlocks", { blocks: [1, "3-5"], reason: "looks short" });
  await handle.signal("requeueBlocks", "nonsense");
  await handle.executeUpdate("requeueBlocks", { args: [{ blocks: ["20-45"] }] });
  await handle.signal("releaseBlocks", { kind: "trace_refused" });
  await handle.signal("pause");
  await handle.signal("resume");
  await untilRuns(env, handle, 3);
  await cancel(handle);
  await save(env, "gap-fill", handle);
}

await mkdir(folder, { recursive: true });
const env = await startWorkflowEnv({
  dynamicConfig: { "limit.historyCount.suggestContinueAsNew": "50" },
});
try {
  const all = {
    backfill: recordBackfill,
    "stopped-backfill": recordStoppedBackfill,
    "refused-backfill": recordRefusedBackfill,
    follow: recordFollow,
    "gap-fill": recordGapFill,
  };
  const wanted = process.argv.slice(2);
  for (const [name, record] of Object.entries(all)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    await record(env, await env.network());
  }
} finally {
  await env.stop();
}
