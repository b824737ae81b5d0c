import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { createNodeCalls } from "../../../src/rpc/node-calls.ts";
import type { NodeFault } from "../../../src/rpc/node-observer.ts";
import { readReceipts } from "../../../src/rpc/receipts.ts";
import { reply, startNodeDouble } from "./node-double.ts";

type Body = { readonly id: number; readonly method: string; readonly params: readonly unknown[] };
type Answer = (body: Body | Body[], response: ServerResponse) => void;

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

/** A node that answers so, and what its observer is told. */
async function watched(answer: Answer) {
  const double = await startNodeDouble((body, response) => answer(body, response));
  stops.push(double.stop);
  const heard: (NodeFault["kind"] | "answered")[] = [];
  const calls = createNodeCalls(
    { name: "node-a", url: double.url, headers: {} },
    { answered: () => heard.push("answered"), failed: ({ kind }) => heard.push(kind) },
  );
  return { calls, heard };
}

function send(response: ServerResponse, answer: unknown, headers: Record<string, string> = {}) {
  response.writeHead(200, headers).end(JSON.stringify(answer));
}
const limited = { code: -32_005, message: "daily request count exceeded" };
const hash = `0x${"7".repeat(64)}` as const;

describe("a node that says with HTTP 200 that it is asked too often", () => {
  test("is heard once a request, in a batch too, and not counted as one that answers", async () => {
    const { calls, heard } = await watched((body, response) =>
      send(
        response,
        Array.isArray(body)
          ? body.map(({ id }) => ({ id, ...(id === 0 ? { result: "0x" } : { error: limited }) }))
          : { id: body.id, error: limited },
      ),
    );
    await expect(calls.demandEach("eth_getCode", [["a"], ["b"], ["c"]])).rejects.toThrow("-32005");
    await expect(calls.askEach("eth_getCode", [["a"], ["b"]])).rejects.toThrow("does not answer");
    await expect(calls.ask({ method: "eth_chainId", params: [] })).rejects.toThrow("-32005");
    expect(heard).toEqual(["rate_limited", "rate_limited", "rate_limited"]);
  });

  test("may say so once for a whole batch, and in words alone", async () => {
    const { calls, heard } = await watched((_, response) =>
      send(response, { id: null, error: { code: -32_000, message: "Too Many Requests" } }),
    );
    await expect(calls.demandEach("eth_getCode", [["a"], ["b"]])).rejects.toThrow("Too Many");
    expect(heard).toEqual(["rate_limited"]);
  });

  test("says it of requests, not of the size of a batch", async () => {
    const { calls, heard } = await watched((_, response) =>
      send(response, {
        id: null,
        error: { code: -32_005, message: "Number of requests exceeds max batch size" },
      }),
    );
    await expect(calls.demandEach("eth_getCode", [["a"], ["b"]])).rejects.toThrow("max batch");
    expect(heard).toEqual(["answered"]);
  });
});

test("the answers of a batch are told apart by their ids, in whatever order they come", async () => {
  const { calls } = await watched((body, response) => {
    const answers = (Array.isArray(body) ? body : []).map(({ id, params }) => ({
      id,
      result: params[0],
    }));
    send(response, answers.toReversed());
  });
  expect(await calls.demandEach("eth_getCode", [["a"], ["b"], ["c"]])).toEqual(["a", "b", "c"]);
});

test("an answer of a batch that is missing, or comes under another id, is none", async () => {
  const { calls } = await watched((body, response) =>
    send(
      response,
      (Array.isArray(body) ? body : []).map(({ id }) => ({ id: id + 1, result: "0x" })),
    ),
  );
  await expect(calls.demandEach("eth_getCode", [["a"], ["b"]])).rejects.toThrow("no JSON-RPC");
});

test("a refusal that comes with an error status is the call's own, but for 401, 403 and 429", async () => {
  for (const status of [400, 404, 405, 422]) {
    const { calls, heard } = await watched((body, response) =>
      reply(
        response,
        Array.isArray(body) ? 0 : body.id,
        { error: { code: -1, message: "no" } },
        status,
      ),
    );
    const asked = calls.ask({ method: "eth_x", params: [] });
    await expect(asked, `${status}`).rejects.toMatchObject({ name: "RpcRefusal", code: -1 });
    expect(heard).toEqual(["answered"]);
  }
  for (const [status, kind] of [
    [401, "http"],
    [403, "http"],
    [429, "rate_limited"],
    [503, "http"],
  ] as const) {
    const { calls, heard } = await watched((body, response) =>
      reply(
        response,
        Array.isArray(body) ? 0 : body.id,
        { error: { code: -1, message: "no" } },
        status,
      ),
    );
    const asked = calls.ask({ method: "eth_x", params: [] });
    await expect(asked, `${status}`).rejects.toMatchObject({ name: "NodeUnavailableError" });
    expect(heard).toEqual([kind]);
  }
});

test("receipts are asked one by one where a gateway knows no call for all, whatever its status", async () => {
  const block = {
    number: "0x7",
    hash,
    parentHash: hash,
    timestamp: "0x1",
    gasUsed: "0x1",
    gasLimit: "0x1",
    transactions: [],
  };
  const { calls } = await watched((body, response) => {
    if (Array.isArray(body)) return;
    const isKnown = body.method === "eth_getBlockByHash";
    const missing = { error: { code: -32_601, message: "Unsupported method" } };
    reply(response, body.id, isKnown ? { result: block } : missing, isKnown ? 200 : 403);
  });
  expect(await readReceipts(calls, { blockNumber: 7, blockHash: hash })).toEqual([]);
});

test("receipts that a replica does not have yet are asked for again", async () => {
  let asked = 0;
  const receipt = {
    transactionHash: hash,
    blockHash: hash,
    gasUsed: "0x1",
    cumulativeGasUsed: "0x1",
  };
  const { calls } = await watched((body, response) => {
    asked += 1;
    reply(response, Array.isArray(body) ? 0 : body.id, { result: asked < 3 ? null : [receipt] });
  });
  expect(await readReceipts(calls, { blockNumber: 7, blockHash: hash })).toEqual([receipt]);
});

test("an answer that a proxy compresses unasked is read", async () => {
  const { calls } = await watched((body, response) => {
    const answer = { id: Array.isArray(body) ? 0 : body.id, result: "0x1" };
    response.writeHead(200, { "content-encoding": "gzip" });
    response.end(gzipSync(JSON.stringify(answer)));
  });
  expect(await calls.demand("eth_chainId", [])).toBe("0x1");
});

test("a redirect is not followed: it may lead to another host, and credentials with it", async () => {
  const { calls, heard } = await watched((_, response) =>
    response.writeHead(307, { location: "http://127.0.0.1:9/" }).end(),
  );
  await expect(calls.demand("eth_chainId", [])).rejects.toThrow("HTTP 307");
  expect(heard).toEqual(["http"]);
});
