import { expect, test } from "vitest";
import { stakingBundle } from "../support/workflow-runtime.ts";
import { replayHistories } from "./replay-histories.ts";

test("the staking workflows form a bundle of their own, with nothing of Node in it", async () => {
  const { code } = await stakingBundle();
  expect(code).toContain("signerWorkflow");
  expect(code).toContain("stakeRequestWorkflow");
});

test("42. every recorded history of the staking workflows replays to the same decisions", async () => {
  const { names, replayed, failed } = await replayHistories(
    "staking-histories",
    await stakingBundle(),
  );

  expect(failed).toEqual([]);
  expect(replayed).toBe(names.length);
  for (const path of ["calm", "repairs", "chain", "faults", "refusals"]) {
    expect(names).toContain(`signer-${path}-1.json`);
  }
  expect(names.filter((name) => name.startsWith("request")).length).toBeGreaterThan(4);
});
