import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "@temporalio/worker";
import { expect, test } from "vitest";
import { stakingBundle } from "../support/staking-env.ts";
import { quietRuntime } from "../support/workflow-env.ts";

const folder = fileURLToPath(new URL("staking-histories", import.meta.url));

test("the staking workflows form a bundle of their own, with nothing of Node in it", async () => {
  const { code } = await stakingBundle();
  expect(code).toContain("signerWorkflow");
  expect(code).toContain("stakeRequestWorkflow");
}, 30_000);

test("42. every recorded history of the staking workflows replays to the same decisions", async () => {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".json"));
  const histories = await Promise.all(
    names.map(async (name) => {
      const history: unknown = JSON.parse(await readFile(`${folder}/${name}`, "utf8"));
      return { workflowId: name, history };
    }),
  );
  quietRuntime();
  const failed: string[] = [];
  let replayed = 0;
  const results = Worker.runReplayHistories({ workflowBundle: await stakingBundle() }, histories);
  for await (const { workflowId, error } of results) {
    replayed += 1;
    if (error) failed.push(`${workflowId}: ${error.message}`);
  }

  expect(failed).toEqual([]);
  expect(replayed).toBe(names.length);
  for (const path of ["calm", "repairs", "chain", "faults"]) {
    expect(names).toContain(`signer-${path}-1.json`);
  }
  expect(names.filter((name) => name.startsWith("request")).length).toBeGreaterThan(4);
}, 60_000);
