import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import { type NodeProxy, startNodeProxy } from "../../support/node-proxy.ts";
import { askOracle, expectShown } from "./expectations.ts";
import {
  backfill,
  countComplete,
  processors,
  startTestStack,
  type TestStack,
  waitUntilComplete,
} from "./stack.ts";
import { startTestChain, type TestChain } from "./test-chain.ts";

const blocks = 110;
const network = "twofold";
const secret = "s3cret-t0ken";
/** Milliseconds for each step trace of the first node, so that there is a middle. */
const slowPace = 250;

let folder: string;
let stack: TestStack;
/** The same chain once more, on an anvil of its own. */
let twin: TestChain;
let shaky: NodeProxy;
let lies: boolean;

const trace = z.array(
  z.looseObject({ result: z.looseObject({ structLogs: z.array(z.unknown()) }) }),
);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "blockloom-two-nodes-"));
  stack = await startTestStack({ blocks });
  twin = await startTestChain({ dataDir: join(folder, "twin"), blocks });
  lies = true;
  shaky = await startNodeProxy(twin.url, async ({ method, params: [, options] }, ask) => {
    const isStepTrace =
      method === "debug_traceBlockByHash" && !JSON.stringify(options).includes("callTracer");
    const answer = lies && isStepTrace ? trace.safeParse(await ask()) : undefined;
    if (!answer?.success) return undefined;
    for (const { result } of answer.data) result.structLogs.splice(-3);
    return { result: answer.data };
  });
  stack.slowNode.setPace(slowPace);
});
afterAll(async () => {
  await shaky?.stop();
  await twin?.stop();
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

test("a backfill over two nodes, of which one lies, goes away and comes back, ends as a clean run", async () => {
  const config = join(folder, "blockloom.yaml");
  const nodes = [
    `{ name: shaky, url: "${shaky.url}/${secret}", headers: { x-key: ${secret} } }`,
    `{ name: steady, url: "${stack.proxy.url}" }`,
  ];
  const lines = nodes.map((node) => `      - ${node}\n`).join("");
  await writeFile(config, `networks:\n  ${network}:\n    nodes:\n${lines}`);
  const worker = await stack.startWorker(network, {
    BLOCKLOOM_CONFIG: config,
    RPC_URL: "",
    BULK_SLOTS: "3",
  });
  const says = (text: string) =>
    waitUntil(() => worker.output().includes(text), {
      what: `"${text}"`,
      timeoutMs: 90_000,
      process: worker,
    });
  /** Each call looks at the nodes when it begins; those of the backfill may all have begun. */
  const saysInCalls = (text: string) =>
    waitUntil(
      async () => {
        const look = await backfill(stack, network, { range: firstBlock });
        await look.result();
        return worker.output().includes(text);
      },
      { what: `"${text}"`, timeoutMs: 150_000, process: worker },
    );

  const whole = { fromBlock: stack.chain.first, toBlock: stack.chain.head };
  const trafficBlocks = whole.toBlock - whole.fromBlock + 1;
  const firstBlock = { ...whole, toBlock: whole.fromBlock };
  const job = await backfill(stack, network);
  await says("another node proved otherwise");
  lies = false;
  await waitUntilComplete(stack, network, 20);
  await shaky.outage(true);
  await saysInCalls("Node is away");
  const done = await countComplete(stack, network);
  await waitUntilComplete(stack, network, Math.min(done + 5, trafficBlocks));
  await shaky.outage(false);
  await saysInCalls("Node is back");
  await job.result();

  await expectShown(stack, network, whole, await askOracle(stack, whole));
  for (const processor of processors) {
    const coverage = await stack.ledger.coverage({
      network,
      processor,
      window: whole,
      verify: true,
    });
    expect(coverage).toMatchObject({
      blocks: { proven: trafficBlocks, failed: 0, quarantined: 0, missing: 0 },
    });
    expect(coverage.duplicates).toBe(0);
  }
  const evidence = await stack.store.query<{ node: string; error_kind: string; told: number }>(
    `SELECT node, error_kind, error_message != '' AND client_version LIKE 'anvil%' AS told
     FROM execution_block_event WHERE meta_network_name = {network:String} AND status != 'complete'
     GROUP BY ALL`,
    { parameters: { network } },
  );
  expect(evidence).toEqual([{ node: "shaky", error_kind: "proof_mismatch", told: 1 }]);
  expect(worker.output()).not.toContain(secret);
  await worker.stop();
});
