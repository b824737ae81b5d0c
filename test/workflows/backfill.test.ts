import { afterAll, beforeAll, expect, test } from "vitest";
import type { BackfillProgress, BackfillResult } from "../../src/workflows/messages.ts";
import {
  currentDetails,
  startWorkflowEnv,
  untilQuery,
  type WorkflowEnv,
} from "../support/workflow-env.ts";

let env: WorkflowEnv;
beforeAll(async () => {
  env = await startWorkflowEnv();
}, 60_000);
afterAll(() => env.stop());

test("indexes every block of the range once and returns the totals", async () => {
  const { fake, startBackfill } = await env.network();
  const handle = await startBackfill({ fromBlock: 5, toBlock: 104 });

  const result: BackfillResult = await handle.result();

  expect(result).toEqual({ blocks: 100, transactions: 200, rows: 10_000, failed: 0 });
  const numbers = fake.indexed.map(({ blockNumber }) => blockNumber).toSorted((a, b) => a - b);
  expect(numbers).toEqual(Array.from({ length: 100 }, (_, index) => index + 5));
});
