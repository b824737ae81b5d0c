import { type Client, ServiceError } from "@temporalio/client";
import { expect, test } from "vitest";
import { callTemporal } from "../../../src/client/temporal-call.ts";
import { NoWorkerError, RequestRefusedError } from "../../../src/errors.ts";

const target = { workflowId: "follow/demo", startCommand: "npm run client -- follow start" };
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all of a client that such a call needs
const client = { withDeadline: (_: number, call: () => unknown) => call() } as unknown as Client;

function refusal(code: number, details: string): ServiceError {
  const cause = Object.assign(new Error(details), { code, details, metadata: {} });
  return new ServiceError("Failed to query Workflow", { cause });
}

test.each([
  [9, "no poller seen for task queue recently, worker may be down", NoWorkerError],
  [3, "the query is malformed", RequestRefusedError],
  [8, "consistent query buffer is full", RequestRefusedError],
])("status %i of a query (%s) is told in our words", async (code, details, expected) => {
  const answer = callTemporal(client, target, () => Promise.reject(refusal(code, details)));
  await expect(answer).rejects.toBeInstanceOf(expected);
});
