import { afterEach, beforeEach, expect, test } from "vitest";
import type { Hex } from "../../../src/domain/chain.ts";
import { toEndpoint } from "../../../src/rpc/endpoint.ts";
import { createExecutionNode } from "../../../src/rpc/execution-node.ts";
import { reply, startNodeDouble } from "./node-double.ts";

const hashOf = (number: number): Hex => `0x${String(number).repeat(64)}`;
const poison = hashOf(7);

/** Which traces the node loses, and whether it answers anything at all. */
let loses: (blockHash: unknown) => boolean;
let isUp: boolean;
let crashes: boolean;
let double: Awaited<ReturnType<typeof startNodeDouble>>;
let node: ReturnType<typeof createExecutionNode>;
beforeEach(async () => {
  loses = (hash) => hash === poison;
  isUp = true;
  crashes = false;
  double = await startNodeDouble(({ method, params, id }, response) => {
    if (method === "debug_traceBlockByHash" && loses(params[0])) isUp = !crashes;
    if (!isUp || (method === "debug_traceBlockByHash" && loses(params[0]))) {
      response.destroy();
      return;
    }
    reply(response, id, { result: method.startsWith("eth_get") ? blockOf(params[0]) : [] });
  });
  const endpoint = toEndpoint({ name: "node-a", url: double.url, headers: {} });
  node = createExecutionNode(endpoint, { traceTimeoutMs: 30_000 });
});
afterEach(() => double.stop());

function blockOf(which: unknown) {
  const number = which === "latest" ? 9 : Number(String(which)[2]);
  return {
    number: `0x${number}`,
    hash: hashOf(number),
    parentHash: hashOf(number - 1),
    timestamp: "0x1",
    gasUsed: "0x0",
    gasLimit: "0x1",
    transactions: [],
  };
}

/** What an attempt at a trace ends with: the error's name, or "whole". */
async function trace(blockHash: Hex): Promise<string> {
  isUp = true;
  try {
    for await (const _ of node.traceCalls(blockHash, { timeoutMs: 30_000 }));
    return "whole";
  } catch (error) {
    return error instanceof Error && "kind" in error ? String(error.kind) : nameOf(error);
  }
}

const nameOf = (error: unknown) => (error instanceof Error ? error.name : String(error));
const away = "NodeUnavailableError";

async function traceTimes(blockHash: Hex, times: number): Promise<string[]> {
  const ends: string[] = [];
  for (let time = 0; time < times; time += 1) ends.push(await trace(blockHash));
  return ends;
}

test("a block whose trace is lost each time is booked, once the node traced another", async () => {
  expect(await traceTimes(poison, 4)).toEqual([away, away, away, "trace_cut"]);
  // The next attempt asks for it again: the node may have been mended.
  loses = () => false;
  expect(await trace(poison)).toBe("whole");
});

test("a block that takes its node down each time is booked", async () => {
  crashes = true;
  expect(await traceTimes(poison, 4)).toEqual([away, away, away, "trace_cut"]);
});

test("a node that traces nothing is away, however often it is asked", async () => {
  loses = () => true;
  expect(await traceTimes(poison, 9)).toEqual(Array.from({ length: 9 }, () => away));
});

test("a trace that arrives makes what was lost before an accident", async () => {
  await traceTimes(poison, 2);
  loses = () => false;
  await trace(poison);
  loses = (hash) => hash === poison;
  expect(await traceTimes(poison, 3)).toEqual([away, away, away]);
});

test("a trace that was in flight when another block took the node down is not suspected", async () => {
  crashes = true;
  for (let time = 0; time < 4; time += 1) {
    expect(await Promise.all([trace(poison), trace(poison)])).toEqual([away, away]);
  }
  expect(await trace(poison)).toBe(away);
});
