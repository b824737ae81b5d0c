import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { WorkflowHandle } from "@temporalio/client";
import { historyToJSON } from "@temporalio/common/lib/proto-utils.js";
import { waitUntil } from "../../src/dev/wait-until.ts";
import { type BridgeLoop, pumpResult, startBridgeLoop } from "../support/bridge-loop.ts";

// Records what the replay tests run of the bridge: npx tsx test/replay/record-bridge.ts
// Old files stay unless named again: a history that once ran in production must replay for ever.

const folder = fileURLToPath(new URL("staking-histories", import.meta.url));

/** Paused, resumed, with entries left for later, cut into runs, and cancelled. */
async function record(loop: BridgeLoop): Promise<void> {
  const handle = await loop.start();
  const untilCalls = (count: number) =>
    waitUntil(() => loop.calls.length >= count, { what: `${count} calls` });
  await untilCalls(2);
  await handle.signal("pause");
  await waitUntil(() => loop.calls.at(-1)?.maximumSeconds === 0, { what: "a look" });
  await handle.signal("resume");
  loop.onPump = async () => pumpResult({ postponed: 1, lastError: "5-0: odd", started: 1 });
  await untilCalls(loop.calls.length + 2);
  loop.onPump = async () => pumpResult();
  await untilCalls(loop.calls.length + 14);
  await handle.cancel();
  await handle.result().catch(() => {});
  await save(loop, handle);
}

async function save({ client }: BridgeLoop, { workflowId }: WorkflowHandle): Promise<void> {
  const runs = [];
  for await (const run of client.workflow.list({ query: `WorkflowId = "${workflowId}"` })) {
    runs.push({ runId: run.runId, startedAt: run.startTime.getTime() });
  }
  runs.sort((left, right) => left.startedAt - right.startedAt);
  for (const [index, { runId }] of runs.entries()) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    await writeFile(`${folder}/bridge-${index + 1}.json`, `${historyToJSON(history)}\n`);
  }
  console.log(`bridge: ${runs.length} runs`);
}

await mkdir(folder, { recursive: true });
const loop = await startBridgeLoop({
  dynamicConfig: { "limit.historyCount.suggestContinueAsNew": "60" },
});
try {
  await record(loop);
} finally {
  await loop.stop();
}
