import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningProcess } from "../../../src/dev/processes.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import type { BackfillProgress } from "../../../src/workflows/backfill-shapes.ts";
import { messageNames, workflowIds } from "../../../src/workflows/messages.ts";
import { type NodeProxy, type ProxiedCall, startNodeProxy } from "../../support/node-proxy.ts";
import { askOracle, expectShown } from "./expectations.ts";
import { backfill, startTestStack, type TestStack } from "./stack.ts";

const blocks = 110;
const network = "resting";
const retryAfterSeconds = 15;
/** The step trace that is refused: some are done by then, and most are not. */
const refusedTrace = 20;
/** After so long nothing more comes of somebody whose traces wait for their answers. */
const quietMs = 1000;

type Who = "first" | "second";

let folder: string;
let stack: TestStack;
const proxies: NodeProxy[] = [];
/** Every trace that the one node behind both proxies was asked for. */
const traces: { readonly who: Who; readonly atMs: number }[] = [];
/** Whose trace is going to be refused, once all that it had asked for by then has come. */
let unlucky: Who | undefined;
let refused: { readonly who: Who; readonly atMs: number } | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "blockloom-shared-rest-"));
  stack = await startTestStack({ blocks });
});
afterAll(async () => {
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function refuse(who: Who, { method, params: [, options] }: ProxiedCall) {
  if (!method.startsWith("debug_")) return undefined;
  traces.push({ who, atMs: Date.now() });
  if (unlucky === who && refused === undefined) {
    // On its way when the other one was refused: it is answered when that was heard.
    await waitUntil(() => refused, { what: "the refusal" });
    await sleep(quietMs);
    return undefined;
  }
  const steps = JSON.stringify(options ?? {}).includes("callTracer") ? 0 : traces.length;
  if (unlucky !== undefined || steps < refusedTrace) return undefined;
  unlucky = who;
  await waitUntil(() => Date.now() - (traces.at(-1)?.atMs ?? 0) > quietMs, {
    what: "its other traces",
  });
  refused = { who, atMs: Date.now() };
  return { status: 429, headers: { "retry-after": `${retryAfterSeconds}` } };
}

/** A worker process that reaches the node by a proxy of its own: it sees nothing of what the other one is told. */
async function startWorker(who: Who): Promise<RunningProcess> {
  const proxy = await startNodeProxy(stack.chain.url, (call) => refuse(who, call));
  proxies.push(proxy);
  const config = join(folder, `${who}.yaml`);
  const node = `{ name: shared, url: "${proxy.url}" }`;
  await writeFile(config, `networks:\n  ${network}:\n    nodes:\n      - ${node}\n`);
  return stack.startWorker(network, { BLOCKLOOM_CONFIG: config, RPC_URL: "", BULK_SLOTS: "1" });
}

test("a node that one worker was asked to leave alone is left alone by the other, which heard nothing of it", async () => {
  const [first, second] = await Promise.all([startWorker("first"), startWorker("second")]);
  const workers = { first, second };
  const job = await backfill(stack, network, { concurrency: 1 });
  const whole = { fromBlock: stack.chain.first, toBlock: stack.chain.head };
  const handle = stack.client.workflow.getHandle(workflowIds.backfill(network, whole));
  const waiting = await waitUntil(
    async () => {
      const progress = await handle.query<BackfillProgress>(messageNames.progress);
      return progress.waitingFor === null ? undefined : progress;
    },
    { what: "a backfill that waits for its node", everyMs: 100 },
  );
  expect(waiting.waitingFor).toMatch(/^node shared, which asks to wait \d+ s, until/);
  expect(waiting.nodes).toEqual([
    { node: "shared", traces: expect.any(Number), refusals: 1, restsUntil: expect.any(String) },
  ]);
  const { who, atMs } = refused ?? { who: "first" as const, atMs: 0 };
  // Who was told is gone, and with it all that it knew.
  await workers[who].kill();
  const other = who === "first" ? "second" : "first";

  await job.result();
  const after = traces.filter((trace) => trace.atMs > atMs);
  const during = after.filter((trace) => trace.atMs < atMs + retryAfterSeconds * 1000);
  expect(during).toEqual([]);
  expect(new Set(after.map((trace) => trace.who))).toEqual(new Set([other]));
  await expectShown(stack, network, whole, await askOracle(stack, whole));
  await workers[other].stop();
});
