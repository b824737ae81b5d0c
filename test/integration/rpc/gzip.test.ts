import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { createByteStream, StreamFailed } from "../../../src/rpc/byte-stream.ts";
import { createExecutionNode } from "../../../src/rpc/execution-node.ts";
import { unobserved } from "../../../src/rpc/node-observer.ts";
import { TraceCosts } from "../../../src/rpc/trace-costs.ts";
import { ungated } from "../../../src/rpc/trace-gate.ts";
import { createPool } from "../../support/node-pool.ts";
import { reply, startNodeDouble } from "./node-double.ts";

const step = (pc: number) =>
  `{"pc":${pc},"op":"PUSH1","gas":${30_000_000 - 3 * pc},"gasCost":3,"depth":1}`;
const steps = Array.from({ length: 30_000 }, (_, pc) => step(pc)).join(",");
const trace = Buffer.from(
  `{"jsonrpc":"2.0","id":1,"result":[{"result":{"gas":1,"structLogs":[${steps}]}}]}`,
);
const packed = gzipSync(trace);
const half = Math.floor(packed.length / 2);
const blockHash = `0x${"7".repeat(64)}` as const;
const call = { method: "debug_traceBlockByHash", params: [] };
const partBytes = 64 * 1024;

/** Sends a body through a link of so many bytes a second; the node's own time is `ms`. */
async function send(response: ServerResponse, body: Buffer, link: Link): Promise<void> {
  if (link.ms > 0) await sleep(link.ms);
  for (let at = 0; at < body.length; at += partBytes) {
    response.write(body.subarray(at, at + partBytes));
    if (link.bytesPerSecond) await sleep((partBytes / link.bytesPerSecond) * 1000);
  }
  response.end();
}
type Link = { readonly ms: number; readonly bytesPerSecond?: number };

/** A node behind a link, that takes `gzipMs` to compress a trace. */
async function startNode(link: Omit<Link, "ms"> & { readonly gzipMs: number }) {
  const asked: boolean[] = [];
  const double = await startNodeDouble(({ method, id }, response, request) => {
    if (method !== "debug_traceBlockByHash") return reply(response, id, { result: "0x1" });
    const isGzip = request.headers["accept-encoding"] === "gzip";
    asked.push(isGzip);
    response.writeHead(200, isGzip ? { "content-encoding": "gzip" } : {});
    void send(response, isGzip ? packed : trace, { ...link, ms: isGzip ? link.gzipMs : 0 });
  });
  const costs = new TraceCosts(() => true);
  const node = createExecutionNode(
    { name: "node-a", url: double.url, headers: {} },
    { traceTimeoutMs: 10_000 },
    { observer: unobserved, gate: ungated, onTraced: () => {}, costs },
  );
  const traceOnce = async () => {
    const options = { timeoutMs: 30_000, stacks: false, gasUsed: 20_000_000 };
    expect((await readAll(node.traceSteps(blockHash, options))).equals(trace)).toBe(true);
  };
  return { asked, costs, traceOnce, stop: double.stop };
}

async function readAll(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of bytes) parts.push(part);
  return Buffer.concat(parts);
}

describe("traces are asked for compressed", () => {
  test("behind a link that is the limit", async () => {
    const node = await startNode({ bytesPerSecond: 2_000_000, gzipMs: 20 });
    for (let block = 0; block < 8; block += 1) await node.traceOnce();
    expect(node.asked).toEqual([false, true, false, true, false, true, true, true]);
    expect(node.costs.compresses).toBe(true);
    await node.stop();
  });

  test("but not where the node's compression is the limit", async () => {
    const node = await startNode({ gzipMs: 1500 });
    for (let block = 0; block < 8; block += 1) await node.traceOnce();
    expect(node.asked).toEqual([false, true, false, true, false, true, false, false]);
    expect(node.costs.compresses).toBe(false);
    await node.stop();
  });
});

async function startDouble(answer: (response: ServerResponse) => void) {
  const double = await startNodeDouble((_, response) => answer(response));
  const stream = createByteStream({ name: "node-a", url: double.url, headers: {} });
  return { stop: double.stop, stream };
}

describe("a compressed answer", () => {
  const zipped = { "content-encoding": "gzip" };

  test.each([
    [
      "is cut with its socket",
      (response: ServerResponse) => {
        response.writeHead(200, zipped).write(packed.subarray(0, half), () => {
          response.destroy();
        });
      },
    ],
    [
      "breaks off, the answer being whole by its length",
      (response: ServerResponse) => {
        response.writeHead(200, zipped).end(packed.subarray(0, half));
      },
    ],
    [
      "lacks its last bytes alone",
      (response: ServerResponse) => {
        response.writeHead(200, zipped).end(packed.subarray(0, -4));
      },
    ],
    [
      "is changed in the middle",
      (response: ServerResponse) => {
        const changed = Buffer.from(packed);
        changed.fill(0xff, half, half + 40);
        response.writeHead(200, zipped).end(changed);
      },
    ],
    [
      "has another sum",
      (response: ServerResponse) => {
        const changed = Buffer.from(packed);
        changed.fill(0, packed.length - 8, packed.length - 4);
        response.writeHead(200, zipped).end(changed);
      },
    ],
  ])("that %s is a cut answer, never a short one", async (_, answer) => {
    const { stop, stream } = await startDouble(answer);
    const reading = readAll(stream(call, { timeoutMs: 30_000, gzip: true }));
    await expect(reading).rejects.toMatchObject({ isBegun: true, fault: { kind: "socket" } });
    await stop();
  });

  test("that is none is a fault of the transport, as is an encoding that nobody asked for", async () => {
    for (const encoding of ["gzip", "br"]) {
      const { stop, stream } = await startDouble((response) => {
        response.writeHead(200, { "content-encoding": encoding }).end("{}");
      });
      const reading = readAll(stream(call, { timeoutMs: 30_000, gzip: true }));
      await expect(reading).rejects.toMatchObject({
        fault: { kind: "socket", isUndecodable: true },
      });
      await stop();
    }
  });

  test("is decoded also where nobody asked for it", async () => {
    const { stop, stream } = await startDouble((response) => {
      response.writeHead(200, zipped).end(packed);
    });
    const encodings: boolean[] = [];
    const onEncoding = (isCompressed: boolean) => encodings.push(isCompressed);
    const answer = await readAll(stream(call, { timeoutMs: 30_000, onEncoding }));
    expect(answer.equals(trace)).toBe(true);
    expect(encodings).toEqual([true]);
    await stop();
  });

  test("of an error is read like any other", async () => {
    const refusal = { jsonrpc: "2.0", id: 1, error: { code: -32_000, message: "no such block" } };
    const { stop, stream } = await startDouble((response) => {
      response.writeHead(500, zipped).end(gzipSync(JSON.stringify(refusal)));
    });
    const failure = await readAll(stream(call, { timeoutMs: 30_000, gzip: true })).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(StreamFailed);
    expect(failure).toMatchObject({
      fault: { kind: "status", status: 500, refusal: { code: -32_000 } },
    });
    await stop();
  });

  test("waits at the node for a slow reader, and takes no more memory than a plain one", async () => {
    // 256 MB of white space in a few hundred kilobytes: a decoder that runs ahead would hold it all.
    const bomb = gzipSync(Buffer.alloc(256 * 1024 * 1024, " "));
    const { stop, stream } = await startDouble((response) => {
      response.writeHead(200, zipped).end(bomb);
    });
    let largest = 0;
    let bytes = 0;
    for await (const part of stream(call, { timeoutMs: 20_000, gzip: true })) {
      largest = Math.max(largest, part.length);
      bytes += part.length;
      if (bytes < 16 * 1024 * 1024) await sleep(5);
    }
    expect(bytes).toBe(256 * 1024 * 1024);
    expect(largest).toBeLessThan(2 * 1024 * 1024);
    await stop();
  });
});

test("a broken compressed trace is the block's cut trace, and the next attempt asks for a plain one", async () => {
  const asked: boolean[] = [];
  const double = await startNodeDouble(({ method, id }, response, request) => {
    if (method !== "debug_traceBlockByHash") {
      return reply(response, id, {
        result: {
          number: "0x7",
          hash: blockHash,
          parentHash: blockHash,
          timestamp: "0x1",
          gasUsed: "0x1",
          gasLimit: "0x1",
          transactions: [],
        },
      });
    }
    const isGzip = request.headers["accept-encoding"] === "gzip";
    asked.push(isGzip);
    if (isGzip) response.writeHead(200, { "content-encoding": "gzip" }).end(packed.subarray(0, -9));
    else response.end(trace);
  });
  const costs = new TraceCosts(() => true);
  const node = createExecutionNode(
    { name: "node-a", url: double.url, headers: {} },
    { traceTimeoutMs: 10_000 },
    { observer: unobserved, gate: ungated, onTraced: () => {}, costs },
  );
  const outcomes: string[] = [];
  for (let block = 0; block < 6; block += 1) {
    const hash = `0x${String(block).repeat(64)}` as const;
    const reading = readAll(
      node.traceSteps(hash, { timeoutMs: 30_000, stacks: false, gasUsed: 2e7 }),
    );
    outcomes.push(
      await reading.then(
        () => "whole",
        (error: unknown) => (error instanceof Error ? (error.message.split("\n")[1] ?? "") : ""),
      ),
    );
  }
  expect(asked).toEqual([false, true, false, false, false, false]);
  expect(outcomes.filter((outcome) => outcome !== "whole")).toHaveLength(1);
  await double.stop();
});

test("a node on this machine is asked what it can, and never for a compressed trace", async () => {
  const asked: (string | undefined)[] = [];
  const double = await startNodeDouble(({ method, id }, response, request) => {
    if (method === "debug_traceBlockByHash") asked.push(request.headers["accept-encoding"]);
    const block = { number: "0x0", hash: blockHash, parentHash: blockHash, transactions: [] };
    const answers: Record<string, unknown> = {
      eth_chainId: "0x1",
      web3_clientVersion: "Geth/v1.17.5",
      eth_getBlockByNumber: block,
      eth_blockNumber: "0x0",
      eth_getBalance: "0x0",
    };
    const body = JSON.stringify({ jsonrpc: "2.0", id, result: answers[method] ?? [] });
    const isGzip = request.headers["accept-encoding"] === "gzip";
    if (isGzip) response.writeHead(200, { "content-encoding": "gzip" });
    response.end(isGzip ? gzipSync(body) : body);
  });
  const pool = createPool([{ name: "node-a", url: double.url }]);
  const { node } = await pool.open();
  expect(pool.capabilities["node-a"]).toMatchObject({ gzip: "yes", asksGzip: false });
  asked.length = 0;
  for (let block = 0; block < 4; block += 1) {
    await readAll(node.traceSteps(blockHash, { timeoutMs: 30_000, stacks: false, gasUsed: 2e7 }));
  }
  expect(asked).toEqual([undefined, undefined, undefined, undefined]);
  await double.stop();
});
