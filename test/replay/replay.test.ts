import { expect, test } from "vitest";
import { workflowBundle } from "../support/workflow-runtime.ts";
import { replayHistories } from "./replay-histories.ts";

test("the workflows form a bundle that a worker can load, with nothing of Node in it", async () => {
  const { code } = await workflowBundle();
  expect(code.length).toBeGreaterThan(100_000);
  expect(code).toContain("backfillWorkflow");
});

test("every recorded history replays to the same decisions", async () => {
  const { names, replayed, failed } = await replayHistories("histories", await workflowBundle());

  expect(failed).toEqual([]);
  expect(replayed).toBe(names.length);
  for (const workflow of ["backfill", "follow", "gap-fill"]) {
    expect(names.filter((name) => name.startsWith(workflow)).length).toBeGreaterThan(2);
  }
});
