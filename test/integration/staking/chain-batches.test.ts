import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStakingActivities } from "../../support/staking-activities.ts";
import { oneDip, type StakingChain, startStakingChain } from "../../support/staking-chain.ts";

describe("providers that bound what one request may hold:", () => {
  let chain: StakingChain;
  beforeAll(async () => {
    chain = await startStakingChain();
  });
  afterAll(() => chain.stop());

  const calls = () =>
    Promise.all(
      Array.from({ length: 16 }, () =>
        chain.users[0].signStake({ target: chain.targets[0], dipAmount: oneDip }),
      ),
    );

  test.each([
    ["an error for the whole", 7, { code: -32_600, message: "batch too large" }],
    ["no batch at all", 1, { code: -32_600, message: "batches are not supported" }],
    ["HTTP 413", 10, 413],
  ])("%s", async (_what, limit, refusal) => {
    const provider = await startProvider(chain.url, limit, refusal);
    const { port } = await openStakingActivities(chain, { urls: [provider.url] });
    const verdicts = await port.checkCalls(await calls(), chain.signer.address);
    expect(new Set(verdicts.map(({ kind }) => kind))).toEqual(new Set(["ready"]));
    const refused = provider.refused();
    expect(refused).toBeGreaterThan(0);
    await port.checkCalls(await calls(), chain.signer.address);
    expect(provider.refused()).toBe(refused); // the bound was learnt
    await provider.stop();
  });

  test("one that is asked too often is not asked in smaller parts", async () => {
    const limit = { code: -32_005, message: "rate limit" };
    const provider = await startProvider(chain.url, 4, limit);
    const { port } = await openStakingActivities(chain, { urls: [provider.url] });
    const asked = port.checkCalls(await calls(), chain.signer.address);
    await expect(asked).rejects.toMatchObject({ name: "NodeRefusedError" });
    expect(provider.refused()).toBe(1);
    await provider.stop();
  });
});

/** A node that refuses requests of more than `limit` calls. */
async function startProvider(
  targetUrl: string,
  limit: number,
  refusal: number | { readonly code: number; readonly message: string },
) {
  let refused = 0;
  const server = createServer((request, response) => {
    void (async () => {
      const body = await text(request);
      const content: unknown = JSON.parse(body);
      const headers = { "content-type": "application/json" };
      if (Array.isArray(content) && content.length > limit) {
        refused += 1;
        if (typeof refusal === "number") response.writeHead(refusal).end("too large");
        else {
          const answer = { jsonrpc: "2.0", id: null, error: refusal };
          response.writeHead(200, headers).end(JSON.stringify(answer));
        }
        return;
      }
      const answer = await fetch(targetUrl, { method: "POST", headers, body });
      response.writeHead(200, headers).end(await answer.text());
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("it does not listen");
  return {
    url: `http://127.0.0.1:${address.port}`,
    refused: () => refused,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
