import { Client, Connection, ServiceError } from "@temporalio/client";
import { expect, test, vi } from "vitest";
import { TemporalUnavailableError } from "../../../src/errors.ts";
import { createRequestStarter } from "../../../src/staking/request-starter.ts";
import { startSigner } from "../../../src/staking/signer-client.ts";
import { signerPolicyDefaults } from "../../../src/workflows/staking/messages.ts";

const address = `0x${"11".repeat(20)}` as const;
const call = {
  kind: "stake",
  owner: `0x${"22".repeat(20)}`,
  target: "1",
  dipAmount: "1",
  signatureId: `0x${"33".repeat(32)}`,
  signature: `0x${"44".repeat(64)}1b`,
} as const;

/** A server that refuses every start with a gRPC status. */
function refusing(code: number, details: string): Client {
  const cause = Object.assign(new Error(details), { code, details, metadata: {} });
  const client = new Client({ connection: Connection.lazy() });
  const refusal = new ServiceError("Failed to start Workflow", { cause });
  vi.spyOn(client.workflow, "start").mockRejectedValue(refusal);
  return client;
}

test.each([
  [8, "namespace rate limit exceeded"],
  [3, "search attribute jobKind is not defined"],
])(
  "a start that Temporal refuses (status %i) is tried again: it costs nobody a request",
  async (code, details) => {
    const client = refusing(code, details);
    const starter = createRequestStarter(client, { signer: address, lifetimeMs: 1000 });
    const entity = { type: "stake", entityId: "01JD0000000000000000000000" } as const;

    const started = starter.start({ chainId: 1, call, entity });
    await expect(started).rejects.toThrow(TemporalUnavailableError);
    await expect(started).rejects.toThrow(details);
    const signer = startSigner(client, { chainId: 1, address }, signerPolicyDefaults);
    await expect(signer).rejects.toThrow(TemporalUnavailableError);
  },
);

test("Temporal's UI names a request in DIP, and nothing of its signature", async () => {
  const client = refusing(8, "busy");
  const start = vi.spyOn(client.workflow, "start");
  const starter = createRequestStarter(client, { signer: address, lifetimeMs: 1000 });
  const entity = { type: "stake", entityId: "01JD0000000000000000000000" } as const;
  const large = { ...call, target: "73133705", dipAmount: "1000500000000000000000" };
  await expect(starter.start({ chainId: 1, call: large, entity })).rejects.toThrow();
  expect(start.mock.calls[0]?.[1]).toMatchObject({
    staticSummary: `stake 1000.5 DIP of ${call.owner} on 73133705`,
  });
});
