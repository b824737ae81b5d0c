import { expect, test } from "vitest";
import { z } from "zod";
import { prepareChain } from "../../../src/dev/demo-chain/demo-chain.ts";
import { countSteps } from "../../../src/dev/demo-chain/step-estimate.ts";
import { rareKinds } from "../../../src/dev/demo-chain/traffic-kinds.ts";
import { callNode } from "../../../src/dev/json-rpc.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import { startDemoAnvil } from "../../support/anvil.ts";

const call = z.object({
  type: z.string(),
  error: z.string().optional(),
  to: z.string().optional(),
  get calls() {
    return z.array(call).optional();
  },
});
type Call = z.infer<typeof call>;
const stepTrace = z.array(
  z.object({
    result: z.object({
      structLogs: z.array(
        z.object({ op: z.string(), depth: z.number(), error: z.string().optional() }),
      ),
    }),
  }),
);
const callTrace = z.array(z.object({ result: call }));
const blockShape = z.object({
  hash: z.string(),
  transactions: z.array(
    z.object({ type: z.string(), input: z.string(), to: z.string().nullable() }),
  ),
});

const wanted = [
  "type 0x0|type 0x1|type 0x2|type 0x4",
  "empty block|plain transfer|creation|creation without init code|deep call",
  "CALL|CALLCODE|DELEGATECALL|STATICCALL|CREATE|CREATE2|SELFDESTRUCT",
  "REVERT|INVALID|TSTORE|MCOPY|SSTORE|LOG1|KECCAK256|RETURNDATACOPY",
  "Some(OutOfGas)|Some(StackUnderflow)|Some(InvalidJump)|Some(OpcodeNotFound)",
  "Some(StateChangeDuringStaticCall)|Some(OutOfOffset)|Some(MemoryLimitOOG)",
  "precompile 01|precompile 02|precompile 03|precompile 04|precompile 05|precompile 06",
  "precompile 06 failing|precompile 08|precompile 09",
].flatMap((line) => line.split("|"));

async function makeChain(seed: number) {
  const anvil = await startDemoAnvil();
  const chain = await prepareChain({ rpcUrl: anvil.url, seed, targetSteps: 1 });
  const block = async (blockNumber: number) =>
    blockShape.parse(
      await callNode(anvil.url, "eth_getBlockByNumber", [`0x${blockNumber.toString(16)}`, true]),
    );
  return { anvil, chain, block };
}

function flatten(root: Call): Call[] {
  return [root, ...(root.calls ?? []).flatMap(flatten)];
}

test("the same seed makes the same chain, hash by hash, and another seed another one", async () => {
  const [one, same, other] = await Promise.all([makeChain(7), makeChain(7), makeChain(8)]);
  const hash = async ({ chain, block }: typeof one) => (await block(chain.blocks)).hash;
  expect(await hash(same)).toBe(await hash(one));
  expect(await hash(other)).not.toBe(await hash(one));
  await Promise.all([one, same, other].map(({ anvil }) => anvil.stop()));
});

test("the traffic has every kind that an indexer has to get right", async () => {
  const { anvil, chain, block } = await makeChain(1);
  const options = { disableStack: true, disableStorage: true, disableMemory: true };
  const seen = new Set<string>();
  for (let blockNumber = 1; blockNumber <= chain.blocks; blockNumber++) {
    const { hash, transactions } = await block(blockNumber);
    if (transactions.length === 0) seen.add("empty block");
    for (const { type, to, input } of transactions) {
      seen.add(`type ${type}`);
      if (to === null) seen.add(input === "0x" ? "creation without init code" : "creation");
      else if (input === "0x") seen.add("plain transfer");
    }
    const steps = stepTrace.parse(
      await callNode(anvil.url, "debug_traceBlockByHash", [hash, options]),
    );
    for (const { op, depth, error } of steps.flatMap(({ result }) => result.structLogs)) {
      seen.add(op);
      if (depth > 50) seen.add("deep call");
      if (error !== undefined) seen.add(error);
    }
    const calls = callTrace.parse(
      await callNode(anvil.url, "debug_traceBlockByHash", [hash, { tracer: "callTracer" }]),
    );
    for (const one of calls.flatMap(({ result }) => flatten(result))) {
      const precompile = /^0x0{38}(0[1-9])$/.exec(one.to ?? "")?.[1];
      if (precompile) seen.add(`precompile ${precompile}${one.error ? " failing" : ""}`);
    }
  }
  await anvil.stop();
  expect(wanted.filter((kind) => !seen.has(kind))).toEqual([]);
});

test("the estimate of steps is within a tenth of the truth", async () => {
  const anvil = await startDemoAnvil();
  const chain = await prepareChain({ rpcUrl: anvil.url, seed: 3, targetSteps: 600_000 });
  let steps = 0;
  for (let blockNumber = 1; blockNumber <= chain.blocks; blockNumber++) {
    steps += await countSteps(anvil.url, blockNumber);
  }
  await anvil.stop();
  expect(chain.steps / steps).toBeGreaterThan(0.9);
  expect(chain.steps / steps).toBeLessThan(1.1);
});

test("goes on where an earlier run had stopped, with the same blocks", async () => {
  const first = await makeChain(5);
  const heads: number[] = [];
  const traffic = first.chain.startTraffic({
    blockTimeMs: 20,
    onBlock: (head) => heads.push(head),
  });
  await waitUntil(() => heads.length >= 5, { what: "five blocks" });
  const { head } = await traffic.stop();
  const { hash } = await first.block(head);
  await first.anvil.stop();

  const anvil = await startDemoAnvil();
  const again = await prepareChain({
    rpcUrl: anvil.url,
    seed: 5,
    targetSteps: 1,
    minimumHead: head,
  });
  expect(again.blocks).toBe(head);
  expect(await callNode(anvil.url, "eth_getBlockByNumber", ["latest", false])).toMatchObject({
    hash,
  });
  await anvil.stop();
});

test("a cycle of blocks is long enough for every rare kind", () => {
  expect(Object.keys(rareKinds).length).toBeGreaterThan(40);
});
