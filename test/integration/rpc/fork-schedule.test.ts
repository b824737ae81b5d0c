import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readForkAt } from "../../../src/rpc/fork-schedule.ts";
import { createNodeCalls } from "../../../src/rpc/node-calls.ts";
import { startAnvil } from "../../support/anvil.ts";
import { reply, startNodeDouble } from "./node-double.ts";

const anyBlock = { number: 5, timestamp: 1_700_000_000 };
const privateChain = 31_337;
let folder: string;
let anvil: Awaited<ReturnType<typeof startAnvil>>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "blockloom-forks-"));
  anvil = await startAnvil({ args: ["--hardfork", "berlin"] });
});
afterAll(async () => {
  await anvil.stop();
  await rm(folder, { recursive: true, force: true });
});

const callsOf = (url: string) => createNodeCalls({ name: "node-a", url, headers: {} });

test("anvil says which hardfork it runs", async () => {
  const forkAt = await readForkAt(callsOf(anvil.url), { genesisFile: null, chainId: privateChain });
  expect(forkAt(anyBlock)).toBe("berlin");
});

test("a known chain id goes before what the node says", async () => {
  const forkAt = await readForkAt(callsOf(anvil.url), { genesisFile: null, chainId: 1 });
  expect(forkAt({ number: 18_000_000, timestamp: 1_693_000_000 })).toBe("shanghai");
});

test("a genesis file goes before everything, and a bad one is named", async () => {
  const genesisFile = join(folder, "genesis.json");
  const config = { chainId: 1, homesteadBlock: 0, eip150Block: 0, byzantiumBlock: 0 };
  await writeFile(genesisFile, JSON.stringify({ config }));
  const forkAt = await readForkAt(callsOf(anvil.url), { genesisFile, chainId: 1 });
  expect(forkAt(anyBlock)).toBe("byzantium");

  await writeFile(genesisFile, "{");
  await expect(readForkAt(callsOf(anvil.url), { genesisFile, chainId: 1 })).rejects.toMatchObject({
    name: "ConfigError",
  });
});

test("where nobody knows the forks, every block's is unknown", async () => {
  const double = await startNodeDouble(({ id }, response) =>
    reply(response, id, { error: { code: -32601, message: "no such method" } }),
  );
  const forkAt = await readForkAt(callsOf(double.url), { genesisFile: null, chainId: 424_242 });
  expect(forkAt(anyBlock)).toBeNull();
  await double.stop();
});
