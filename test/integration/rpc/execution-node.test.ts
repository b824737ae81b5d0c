import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callNode } from "../../../src/dev/json-rpc.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import type { Hex } from "../../../src/domain/chain.ts";
import { toEndpoint } from "../../../src/rpc/endpoint.ts";
import { createExecutionNode } from "../../../src/rpc/execution-node.ts";
import { startAnvil } from "../../support/anvil.ts";
import { reply, startNodeDouble } from "./node-double.ts";

const sender = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
/** Counts down from 20,000: some megabytes of steps. */
const loopingCode = "0x614e205b600190038060035700";
/** Token in user info, path and query: none of them may appear anywhere. */
const secretParts = ["s3cretuser", "s3cretpath", "s3cretquery", "s3cretheader"];

const limits = { traceTimeoutMs: 30_000 };

function connect(url: string) {
  return createExecutionNode(toEndpoint({ name: "node-a", url, headers: {} }), limits);
}

/** Sends a transaction of some megabytes of steps and waits for its block, the next one. */
async function sendLoop(url: string): Promise<string> {
  const hash = await callNode(url, "eth_sendTransaction", [
    { from: sender, data: loopingCode, gas: "0x1c9c380" },
  ]);
  await waitUntil(async () => (await callNode(url, "eth_getTransactionReceipt", [hash])) !== null, {
    what: "the transaction's block",
  });
  return String(hash);
}

async function readAll(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of bytes) parts.push(part);
  return Buffer.concat(parts).toString();
}

describe("a real anvil", () => {
  let anvil: Awaited<ReturnType<typeof startAnvil>>;
  let node: ReturnType<typeof connect>;
  let blockHash: Hex;
  let transactionHash: string;

  beforeAll(async () => {
    anvil = await startAnvil();
    node = connect(anvil.url);
    transactionHash = await sendLoop(anvil.url);
    await callNode(anvil.url, "anvil_mine", ["0x9"]);
    const block = await node.blockByNumber(1);
    if (!block) throw new Error("block 1 is missing");
    blockHash = block.hash;
  });
  afterAll(() => anvil.stop());

  test("tells chain, client, heads and blocks; a block that does not exist is null", async () => {
    expect(await node.chainId()).toBe(31_337);
    expect(await node.clientVersion()).toMatch(/^anvil\//);
    expect(await node.head("latest")).toMatchObject({ number: 10 });
    expect(await node.head("finalized")).toMatchObject({ number: 8 });
    expect(await node.blockByNumber(99)).toBeNull();
    const block = await node.blockByHash(blockHash);
    expect(block?.transactions[0]).toMatchObject({ hash: transactionHash, from: sender });
    expect(await node.isHealthy()).toBe(true);
  });

  test("reads references of more blocks than one batch holds, and leaves out those that do not exist", async () => {
    const refs = await node.blockRefs(Array.from({ length: 250 }, (_, blockNumber) => blockNumber));
    expect(refs.map(({ number }) => number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(refs[2]?.parentHash).toBe(blockHash);
  });

  test("reads receipts by block hash", async () => {
    const receipts = await node.receipts({ blockNumber: 1, blockHash });
    expect(receipts).toHaveLength(1);
    expect(receipts[0]).toMatchObject({ transactionHash, blockHash });
    const unknown: Hex = `0x${"1".repeat(64)}`;
    await expect(node.receipts({ blockNumber: 1, blockHash: unknown })).rejects.toMatchObject({
      kind: "receipts_unavailable",
    });
  });

  test("estimates gas used of neighbouring blocks, oldest first", async () => {
    const block = await node.blockByNumber(1);
    const used = await node.gasUsed(3, 3);
    expect(used).toHaveLength(3);
    expect(
      Math.abs((used?.[0] ?? 0) - Number(block?.gasUsed)) / Number(block?.gasUsed),
    ).toBeLessThan(0.01);
    expect(used?.slice(1)).toEqual([0, 0]);
  });

  test("streams both traces as the bytes of the JSON-RPC answer", async () => {
    const steps = JSON.parse(
      await readAll(node.traceSteps(blockHash, { stacks: true, timeoutMs: 30_000 })),
    );
    expect(steps.result[0].txHash).toBe(transactionHash);
    expect(steps.result[0].result.structLogs.length).toBeGreaterThan(100_000);
    expect(steps.result[0].result.structLogs[1].stack).toEqual(["0x4e20"]);
    const calls = JSON.parse(await readAll(node.traceCalls(blockHash, { timeoutMs: 30_000 })));
    expect(calls.result[0].result).toMatchObject({ from: sender, type: "CREATE" });
  });

  test("stops within a trace when it is aborted, with the abort's own reason", async () => {
    const controller = new AbortController();
    const reason = new Error("cancelled by the test");
    let bytes = 0;
    const reading = (async () => {
      const trace = node.traceSteps(blockHash, {
        stacks: true,
        timeoutMs: 30_000,
        signal: controller.signal,
      });
      for await (const part of trace) {
        bytes += part.length;
        controller.abort(reason);
      }
    })();
    await expect(reading).rejects.toBe(reason);
    expect(bytes).toBeLessThan(2_000_000);
    expect(await node.isHealthy()).toBe(true);
  });

  test("goes on with the next trace after a reader left the loop early", async () => {
    for await (const part of node.traceSteps(blockHash, { stacks: true, timeoutMs: 30_000 })) {
      expect(part.length).toBeGreaterThan(0);
      break;
    }
    expect(await readAll(node.traceCalls(blockHash, { timeoutMs: 30_000 }))).toContain("CREATE");
  });

  test("a node that is killed in the middle of a trace is away; the block is not blamed", async () => {
    const doomed = await startAnvil();
    await sendLoop(doomed.url);
    const other = connect(doomed.url);
    const block = await other.blockByNumber(1);
    const reading = (async () => {
      if (!block) throw new Error("block 1 is missing");
      for await (const part of other.traceSteps(block.hash, { stacks: true, timeoutMs: 30_000 })) {
        if (part.length > 0) await doomed.kill();
      }
    })();
    await expect(reading).rejects.toMatchObject({ name: "NodeUnavailableError" });
    await doomed.stop();
  });
});

describe("a node that is not there, or not a node", () => {
  test("nobody listens: the error names the node and the fault, and no part of the url", async () => {
    const anvil = await startAnvil();
    await anvil.stop();
    const url = anvil.url.replace("://", "://s3cretuser:pass@") + "/s3cretpath?key=s3cretquery";
    const node = createExecutionNode(
      toEndpoint({ name: "node-a", url, headers: { authorization: "Bearer s3cretheader" } }),
      limits,
    );
    const hash: Hex = `0x${"1".repeat(64)}`;
    const attempts: (() => Promise<unknown>)[] = [
      () => node.chainId(),
      () => node.head("latest"),
      () => node.blockRefs([1, 2]),
      () => node.receipts({ blockNumber: 1, blockHash: hash }),
      () => readAll(node.traceSteps(hash, { stacks: true, timeoutMs: 30_000 })),
    ];
    for (const attempt of attempts) {
      const error = await attempt().then(
        () => undefined,
        (fault: unknown) => fault,
      );
      expect(error).toMatchObject({ name: "NodeUnavailableError", retryable: true });
      const everything = JSON.stringify(error, Object.getOwnPropertyNames(error));
      expect(everything).toContain("node-a");
      expect(everything).toContain("ECONNREFUSED");
      for (const secret of secretParts) expect(everything).not.toContain(secret);
    }
    expect(await node.isHealthy()).toBe(false);
    await expect(node.chainId()).rejects.toThrowErrorMatchingInlineSnapshot(`
      [NodeUnavailableError: The execution node "node-a" does not answer.
        eth_chainId: ECONNREFUSED
        Fix: check that the node runs and that its url is right; jobs go on by themselves when it is back.]
    `);
  });

  test("a web page in the node's place is no node", async () => {
    const page = await startNodeDouble((_, response) => {
      response.writeHead(200, { "content-type": "text/html" }).end("<html>hello</html>");
    });
    await expect(connect(page.url).chainId()).rejects.toThrowErrorMatchingInlineSnapshot(`
      [NodeUnavailableError: The execution node "node-a" does not answer.
        eth_chainId: the answer is no JSON-RPC
        Fix: check that the node runs and that its url is right; jobs go on by themselves when it is back.]
    `);
    await page.stop();
  });

  test("credentials of the url and headers reach the node, on small calls and on streams", async () => {
    const seen: (string | undefined)[] = [];
    const double = await startNodeDouble(({ id }, response, request) => {
      seen.push(request.headers.authorization, String(request.headers["x-key"]), request.url);
      reply(response, id, { result: "0x1" });
    });
    const url = `${double.url.replace("://", "://user:pass@")}/path?q=1`;
    const node = createExecutionNode(
      toEndpoint({ name: "a", url, headers: { "X-Key": "k" } }),
      limits,
    );
    await node.chainId();
    await readAll(node.traceCalls("0x1", { timeoutMs: 30_000 }));
    const once = ["Basic dXNlcjpwYXNz", "k", "/path?q=1"];
    expect(seen).toEqual([...once, ...once]);
    await double.stop();
  });
});

describe("a node that answers badly", () => {
  const block = {
    number: "0x7",
    hash: `0x${"7".repeat(64)}`,
    parentHash: `0x${"6".repeat(64)}`,
    timestamp: "0x1",
    gasUsed: "0x1",
    gasLimit: "0x1",
    transactions: [{ hash: "0xaa", nonce: "0x0", from: "0x01" }],
  };
  const receipt = {
    transactionHash: "0xaa",
    blockHash: block.hash,
    gasUsed: "0x1",
    cumulativeGasUsed: "0x1",
  };
  const hash: Hex = `0x${"7".repeat(64)}`;

  async function traceOf(
    trace: Parameters<typeof startNodeDouble>[0],
    timeoutMs = 30_000,
  ): Promise<unknown> {
    const double = await startNodeDouble((body, response, request) => {
      if (body.method === "debug_traceBlockByHash") trace(body, response, request);
      else reply(response, body.id, { result: block });
    });
    const reading = readAll(connect(double.url).traceSteps(hash, { stacks: true, timeoutMs }));
    const outcome = await reading.catch((error: unknown) => error);
    await double.stop();
    return outcome;
  }

  test("an answer cut in the middle is the block's fault while the node lives", async () => {
    const outcome = await traceOf((_, response) => {
      response.writeHead(200, { "content-length": 100 });
      response.write('{"jsonrpc"', () => response.destroy());
    });
    expect(outcome).toMatchObject({ name: "BlockFailedError", kind: "trace_cut", blockNumber: 7 });
  });

  test("too many requests, and a socket closed before the answer, are the node's", async () => {
    const limited = await traceOf((_, response) => response.writeHead(429).end("slow down"));
    expect(limited).toMatchObject({ name: "NodeUnavailableError" });
    expect(String(limited)).toContain("HTTP 429");
    const closed = await traceOf((_, response) => response.destroy());
    expect(closed).toMatchObject({ name: "NodeUnavailableError" });
  });

  test("an error status with a JSON-RPC error in its body refuses this one block", async () => {
    const refused = await traceOf(({ id }, response) =>
      reply(
        response,
        id,
        { error: { code: -32000, message: "see https://x/t0ken: no state" } },
        500,
      ),
    );
    expect(refused).toMatchObject({ name: "BlockFailedError", kind: "trace_refused" });
    expect(String(refused)).toContain("no state");
    expect(String(refused)).not.toContain("t0ken");
  });

  test("a JSON-RPC error with status 200 goes to the reader as it is", async () => {
    const outcome = await traceOf(({ id }, response) =>
      reply(response, id, { error: { code: -32000, message: "genesis is not traceable" } }),
    );
    expect(outcome).toContain("genesis is not traceable");
  });

  test("asked too often in the middle of a block's single transactions, it rests; the block is not blamed", async () => {
    const double = await startNodeDouble(({ method, id }, response) => {
      const tooLarge = { error: { code: -32_008, message: "Response is too big" } };
      const tooOften = { error: { code: -32_005, message: "limit exceeded" } };
      if (method === "debug_traceBlockByHash") reply(response, id, tooLarge);
      else if (method === "debug_traceTransaction") reply(response, id, tooOften);
      else reply(response, id, { result: block });
    });
    const options = { stacks: true, timeoutMs: 30_000 };
    const reading = readAll(connect(double.url).traceSteps(hash, options));
    await expect(reading).rejects.toMatchObject({ name: "NodeUnavailableError" });
    await double.stop();
  });

  test("receipts are asked one by one where the node has no call for all of a block", async () => {
    const double = await startNodeDouble((body, response) => {
      if (Array.isArray(body)) {
        response.writeHead(200, { "content-type": "application/json" });
        response.end(
          JSON.stringify(body.map(({ id }) => ({ jsonrpc: "2.0", id, result: receipt }))),
        );
      } else if (body.method === "eth_getBlockReceipts") {
        reply(response, body.id, { error: { code: -32601, message: "Method not found" } });
      } else {
        reply(response, body.id, { result: block });
      }
    });
    expect(await connect(double.url).receipts({ blockNumber: 7, blockHash: hash })).toEqual([
      receipt,
    ]);
    await double.stop();
  });
});

const blockAt = (number: number) => ({
  number: `0x${number.toString(16)}`,
  hash: `0x${String(number).repeat(64)}`,
  parentHash: `0x${"0".repeat(64)}`,
  timestamp: "0x1",
  gasUsed: "0x1",
  gasLimit: "0x1",
  transactions: [],
});

async function cached(result: unknown) {
  const double = await startNodeDouble((body, response) => {
    if (!Array.isArray(body)) return reply(response, body.id, { result });
    response.writeHead(200);
    response.end(JSON.stringify(body.map(({ id }) => ({ id, result }))));
  });
  return { node: connect(double.url), stop: double.stop };
}

describe("a cache before a node that mixes answers up", () => {
  test("has no word on the block that was asked for", async () => {
    const { node, stop } = await cached(blockAt(5));
    expect((await node.blockByNumber(5))?.number).toBe("0x5");
    await expect(node.blockByNumber(6)).rejects.toThrow("the answer is another block");
    await expect(node.blockByHash(`0x${"6".repeat(64)}`)).rejects.toThrow("another block");
    await expect(node.blockRefs([5, 6])).rejects.toThrow("another block");
    await stop();
  });

  test("is no chain that ends early: what is no block is not what does not exist", async () => {
    const garbled = await cached({});
    await expect(garbled.node.blockRefs([5])).rejects.toThrow("another shape");
    await garbled.stop();
    const missing = await cached(null);
    expect(await missing.node.blockRefs([5])).toEqual([]);
    await missing.stop();
  });
});

test("a node that does not know its chain or height yet is away, and not of chain 0 or at block 0", async () => {
  const double = await startNodeDouble((body, response) =>
    reply(response, body.id, { result: null }),
  );
  const node = connect(double.url);
  await expect(node.chainId()).rejects.toMatchObject({ name: "NodeUnavailableError" });
  expect(await node.isHealthy()).toBe(false);
  await double.stop();
});
