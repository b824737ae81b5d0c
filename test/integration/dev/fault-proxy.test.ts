import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { BlockProducer } from "../../../src/dev/demo-chain/producer.ts";
import { setUpContracts } from "../../../src/dev/demo-chain/setup-blocks.ts";
import { planBlock } from "../../../src/dev/demo-chain/traffic.ts";
import { type FaultProxy, startFaultProxy } from "../../../src/dev/fault-proxy.ts";
import { callNode } from "../../../src/dev/json-rpc.ts";
import { startDemoAnvil } from "../../support/anvil.ts";

const block = 9;
let anvil: Awaited<ReturnType<typeof startDemoAnvil>>;
let proxy: FaultProxy;
let hash: string;

beforeAll(async () => {
  anvil = await startDemoAnvil();
  const producer = await BlockProducer.open(anvil.url);
  const contracts = await setUpContracts(producer);
  await producer.mine(planBlock({ seed: 1, blockNumber: block, contracts }));
  proxy = await startFaultProxy({ targetUrl: anvil.url });
  const answer = await callNode(proxy.url, "eth_getBlockByNumber", ["0x9", false]);
  hash = z.object({ hash: z.string() }).parse(answer).hash;
});
afterAll(async () => {
  await proxy?.stop();
  await anvil?.stop();
});

const request = (method: string, ...params: unknown[]) =>
  JSON.stringify({ jsonrpc: "2.0", id: 7, method, params });
const post = (url: string, body: string, signal?: AbortSignal) =>
  fetch(url, {
    method: "POST",
    body,
    headers: { "content-type": "application/json" },
    ...(signal ? { signal } : {}),
  });
const trace = (signal?: AbortSignal) =>
  post(proxy.url, request("debug_traceBlockByHash", hash, { disableStack: true }), signal);

const steps = z.object({
  result: z.array(z.object({ result: z.object({ structLogs: z.array(z.unknown()) }) })),
});
async function countSteps(response: Response): Promise<number> {
  const { result } = steps.parse(await response.json());
  return result.reduce((sum, one) => sum + one.result.structLogs.length, 0);
}

test("passes on byte for byte what the node says", async () => {
  const body = request("debug_traceBlockByHash", hash, {});
  const [through, direct] = await Promise.all([post(proxy.url, body), post(anvil.url, body)]);
  expect(await through.text()).toBe(await direct.text());
});

test("a short trace is valid JSON, lacks steps, and the next trace is whole again", async () => {
  const whole = await countSteps(await trace());
  proxy.failBlock(block, "short");
  const short = await countSteps(await trace());
  expect(short).toBeLessThan(whole);
  expect(short).toBeGreaterThan(0);
  expect(await countSteps(await trace())).toBe(whole);
});

test("an empty trace is a success without steps", async () => {
  proxy.failBlock(hash, "empty");
  expect(await countSteps(await trace())).toBe(0);
});

test("a refused trace is a JSON-RPC error with the id of the call, as often as asked", async () => {
  proxy.failBlock(block, "refused", 2);
  for (let time = 0; time < 2; time++) {
    expect(await (await trace()).json()).toMatchObject({ id: 7, error: { code: -32_000 } });
  }
  expect(await countSteps(await trace())).toBeGreaterThan(0);
});

test("a cut trace breaks off in the middle of the body", async () => {
  proxy.failBlock(block, "cut");
  const response = await trace();
  expect(response.status).toBe(200);
  await expect(response.text()).rejects.toThrow("terminated");
});

test("garbage is no JSON", async () => {
  proxy.failBlock(block, "garbage");
  await expect((await trace()).json()).rejects.toThrow(SyntaxError);
});

test.each([
  ["tooManyRequests", 429],
  ["tooManyRequestsBare", 429],
  ["unavailable", 503],
] as const)("%s answers HTTP %i", async (fault, status) => {
  proxy.failBlock(block, fault);
  expect((await trace()).status).toBe(status);
});

test("a hanging trace never answers", async () => {
  proxy.failBlock(block, "hang");
  await expect(trace(AbortSignal.timeout(300))).rejects.toThrow(/timeout/);
});

test("the trace of another block is whole and valid", async () => {
  await callNode(proxy.url, "eth_getBlockByNumber", ["0x8", false]);
  const right = await (await trace()).text();
  proxy.failBlock(block, "wrongBlock");
  const wrong = await trace();
  expect(wrong.status).toBe(200);
  expect(await wrong.text()).not.toBe(right);
});

test("a dripping trace comes whole, in pieces", async () => {
  const whole = await countSteps(await trace());
  proxy.failBlock(block, "drip");
  const { body } = await trace();
  if (!body) throw new Error("no body");
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  expect(pieces.length).toBeGreaterThan(5);
  expect(await countSteps(new Response(Buffer.concat(pieces)))).toBe(whole);
});

test("the next trace of whichever block fails, unless it is taken back", async () => {
  proxy.failNext("empty");
  expect(await countSteps(await trace())).toBe(0);
  proxy.failNext("empty");
  proxy.clear();
  expect(await countSteps(await trace())).toBeGreaterThan(0);
});

test("a sunken head is lower however it is asked for", async () => {
  const numberOf = z.object({ number: z.string() });
  const head = Number(await callNode(proxy.url, "eth_blockNumber"));
  proxy.sinkHead(3);
  expect(Number(await callNode(proxy.url, "eth_blockNumber"))).toBe(head - 3);
  const latest = await callNode(proxy.url, "eth_getBlockByNumber", ["latest", false]);
  expect(Number(numberOf.parse(latest).number)).toBe(head - 3);
  proxy.sinkHead(0);
  expect(Number(await callNode(proxy.url, "eth_blockNumber"))).toBe(head);
});

test("something can happen between the question for a trace and its answer, once", async () => {
  let happened = 0;
  proxy.beforeNextTrace(async () => {
    happened += 1;
  });
  await trace();
  await trace();
  expect(happened).toBe(1);
});

test("call traces and other blocks are left alone", async () => {
  proxy.failBlock(block, "refused");
  const calls = request("debug_traceBlockByHash", hash, { tracer: "callTracer" });
  expect(await (await post(proxy.url, calls)).json()).toHaveProperty("result");
  const other = request("debug_traceBlockByNumber", "0x8", {});
  expect(await (await post(proxy.url, other)).json()).toHaveProperty("result");
  expect(await (await trace()).json()).toHaveProperty("error");
});

test("tells which faults it really did", () => {
  expect(proxy.injected.map(({ fault }) => fault)).toEqual(
    expect.arrayContaining(["short", "empty", "refused", "cut", "hang"]),
  );
});

test("an outage refuses connections until it is over", async () => {
  await proxy.outage(true);
  await expect(callNode(proxy.url, "eth_chainId")).rejects.toThrow("fetch failed");
  await proxy.outage(false);
  expect(await callNode(proxy.url, "eth_chainId")).toBe("0x7a69");
});
