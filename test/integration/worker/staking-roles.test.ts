import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import {
  type EmbeddedServer,
  startEmbeddedServer,
} from "../../../src/clickhouse/embedded/start.ts";
import { type RunningProcess, startProcess } from "../../../src/dev/processes.ts";
import { newCodecKey } from "../../../src/dev/staking/staking-env.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import { type StakingChain, startStakingChain } from "../../support/staking-chain.ts";
import { startTestTemporal, type TestTemporal } from "../../support/temporal.ts";

let chain: StakingChain;
let temporal: TestTemporal;
let clickhouse: EmbeddedServer;
let dataFolder: string;
let folder: string;
let worker: RunningProcess | undefined;
beforeAll(async () => {
  dataFolder = await mkdtemp(join(tmpdir(), "blockloom-roles-data-"));
  [chain, temporal, clickhouse] = await Promise.all([
    startStakingChain(),
    startTestTemporal(),
    startEmbeddedServer({ dataDir: join(dataFolder, "data") }),
  ]);
});
afterAll(async () => {
  await chain?.stop();
  await temporal?.stop();
  await clickhouse?.stop();
  await rm(dataFolder, { recursive: true, force: true });
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "blockloom-roles-"));
});
afterEach(async () => {
  await worker?.stop();
  await rm(folder, { recursive: true, force: true });
});

function start(env: Readonly<Record<string, string>>): RunningProcess {
  const signsOnly = env["WORKER_ROLES"] === "sign";
  // Nobody listens there: what needs ClickHouse would wait for ever.
  const clickhouseUrl = signsOnly ? "http://127.0.0.1:9" : clickhouse.url;
  worker = startProcess({
    name: "worker",
    command: process.execPath,
    args: ["--import", "tsx", "src/worker.ts"],
    env: {
      METRICS_ADDRESS: "off",
      TEMPORAL_ADDRESS: temporal.address,
      CLICKHOUSE_URL: clickhouseUrl,
      CHAIN_RPC_URL: chain.url,
      STAKING_ADDRESS: chain.contracts.stakingAddress,
      STAKING_CODEC_KEYS: newCodecKey("test"),
      PROCESSOR_PRIVATE_KEY: chain.signer.privateKey,
      ...env,
    },
    logFile: join(folder, "worker.log"),
  });
  return worker;
}

async function readRefusal(env: Readonly<Record<string, string>>): Promise<string> {
  const refused = start(env);
  expect(await refused.exited).toEqual({ code: 1, signal: null });
  expect(refused.output()).not.toContain(chain.signer.privateKey.slice(2));
  return refused.output();
}

test("a worker that only signs needs no ClickHouse, asks for signatures alone, and stops cleanly", async () => {
  const signing = start({ WORKER_ROLES: "sign", ERROR_TIMEOUT: "30000" });
  await waitUntil(() => signing.output().includes("Worker is ready"), {
    what: "the worker to be ready",
    process: signing,
  });
  expect(signing.output()).toContain(`"queues":["signer-${chain.chainId}"]`);
  expect(signing.output()).toMatch(/"ERROR_TIMEOUT".*A variable has no effect here/);
  await signing.stop(60_000);
  expect((await signing.exited).code).toBe(0);
});

test.each([
  {
    what: "26. nodes of another chain than the configured one",
    env: { WORKER_ROLES: "stake", STAKING_CHAIN_ID: "1" },
    words: "serves another chain",
  },
  {
    what: "an alert balance below the minimum balance",
    env: { PROCESSOR_MIN_BALANCE: "2000000000000000000" },
    words: "PROCESSOR_MIN_BALANCE",
  },
  { what: "no codec key", env: { STAKING_CODEC_KEYS: "" }, words: "STAKING_CODEC_KEYS=id:key" },
  {
    what: "a role without what it needs",
    env: { WORKER_ROLES: "index" },
    words: "the role index needs a network",
  },
  {
    what: "a key of another address than the configured one",
    env: { WORKER_ROLES: "sign", STAKING_SIGNER_ADDRESS: `0x${"1".repeat(40)}` },
    words: "belongs to another address",
  },
  {
    what: "an address without the contract",
    env: { WORKER_ROLES: "sign", STAKING_ADDRESS: `0x${"2".repeat(40)}` },
    words: `0x${"2".repeat(40)}`,
  },
])("$what: it says so and exits 1", async ({ env, words }) => {
  expect(await readRefusal(env)).toContain(words);
});
