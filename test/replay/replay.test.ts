import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "@temporalio/worker";
import { expect, test } from "vitest";
import { quietRuntime, workflowBundle } from "../support/workflow-env.ts";

const folder = fileURLToPath(new URL("histories", import.meta.url));

test("the workflows form a bundle that a worker can load, with nothing of Node in it", async () => {
  const { code } = await workflowBundle();
  expect(code.length).toBeGreaterThan(100_000);
  expect(code).toContain("backfillWorkflow");
}, 30_000);

test("every recorded history replays to the same decisions", async () => {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".json"));
  const histories = await Promise.all(
    names.map(async (name) => ({
      workflowId: name,
      history: JSON.parse(await readFile(`${folder}/${name}`, "utf8")) as unknown,
    })),
  );
  quietRuntime();
  const failed: string[] = [];
  let replayed = 0;
  const results = Worker.runReplayHistories({ workflowBundle: await workflowBundle() }, histories);
  for await (const { workflowId, error } of results) {
    replayed += 1;
    if (error) failed.push(`${workflowId}: ${error.message}`);
  }

  expect(failed).toEqual([]);
  expect(replayed).toBe(names.length);
  for (const workflow of ["backfill", "follow", "gap-fill"]) {
    expect(names.filter((name) => name.startsWith(workflow)).length).toBeGreaterThan(2);
  }
}, 60_000);
