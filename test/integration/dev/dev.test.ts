import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prepareChain } from "../../../src/dev/demo-chain/demo-chain.ts";
import { startDemoAnvil } from "../../../src/dev/demo-chain/start-demo-anvil.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import { processesOf, runScript } from "./run-script.ts";

let folder: string;
let anvil: Awaited<ReturnType<typeof startDemoAnvil>>;
let head: number;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "blockloom-dev-"));
  anvil = await startDemoAnvil({ dataDir: join(folder, "chain") });
  head = (await prepareChain({ rpcUrl: anvil.url, seed: 1, targetSteps: 1 })).blocks;
});
afterAll(async () => {
  await anvil?.stop();
  await rm(folder, { recursive: true, force: true });
});

const dev = (rpcUrl: string, data: string) =>
  runScript(["dist/dev/dev.js", "--rpc", rpcUrl, "--network", "mine", "--data", data]);

test("serves the user's own node: the client finds the stack and proves a backfill", async () => {
  const data = join(folder, "stack");
  const stack = dev(anvil.url, data);
  const text = await waitUntil(() => readFile(join(data, "stack.env"), "utf8"), {
    what: "stack.env",
    timeoutMs: 120_000,
  });
  const env = Object.fromEntries(
    text.split("\n").flatMap((line) => {
      const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value]];
    }),
  );
  expect(env).toMatchObject({
    NETWORK: "mine",
    RPC_URL: anvil.url,
    CLICKHOUSE_DATABASE: "blockloom",
  });

  const backfill = runScript(
    ["--quiet", "dist/client.js", "backfill", `0-${head}`, "--wait", "--json"],
    env,
  );
  expect(await backfill.exited, backfill.output()).toBe(0);
  expect(JSON.parse(backfill.output())).toMatchObject({ coverage: { proven: true } });

  const second = dev(anvil.url, data);
  expect(await second.exited).toBe(1);
  expect(second.output()).toMatch(/Another stack runs in[^]*Fix:/);

  stack.child.kill("SIGTERM");
  expect(await stack.exited, stack.output()).toBe(0);
  await expect.poll(() => processesOf(data)).toEqual([]);
});

test("refuses a node that does not answer, with the fix and without a stack trace", async () => {
  const { exited, output } = dev("http://127.0.0.1:1", join(folder, "unused"));
  expect(await exited).toBe(1);
  expect(output()).toMatch(/does not answer[^]*Fix:/);
  expect(output()).not.toMatch(/\n\s+at /);
});

test("says what is wrong with a call that it does not understand, and exits 2", async () => {
  const { exited, output } = runScript(["dist/dev/dev.js", "--network", "mine"]);
  expect(await exited).toBe(2);
  expect(output()).toContain("required option '--rpc <url>' not specified");
});
