import { join } from "node:path";
import { Client } from "@temporalio/client";
import getPort from "get-port";
import { afterAll, beforeAll, expect, test } from "vitest";
import { anvilMnemonic } from "../../../src/dev/anvil.ts";
import { type RunningProcess, startProcess } from "../../../src/dev/processes.ts";
import { projectRoot } from "../../../src/dev/project-root.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import type { StakeCall } from "../../../src/domain/staking/stake-call.ts";
import { hasRedis, startTestRedis, type TestRedis } from "../../support/redis.ts";
import { addEntry, produce } from "../../support/stake-producer.ts";
import { oneDip } from "../../support/staking-chain.ts";
import { findSecret, readHistories, type Written } from "./everything-written.ts";
import { type StakingStack, startStakingStack } from "./staking-stack.ts";

const rpcSecret = "rpc-credential-7f3a";
let redis: TestRedis;
let stack: StakingStack;
let server: RunningProcess & { readonly url: string };
let mistaken: RunningProcess;
let metricsUrls: readonly string[];

beforeAll(async () => {
  if (!hasRedis) return;
  redis = await startTestRedis();
  stack = await startStakingStack({
    users: 6,
    env: { LOG_LEVEL: "trace", REDIS_URL: redis.url, REDIS_READ_BLOCK_TIMEOUT: "500" },
  });
  const secretUrl = `${stack.gate.url}/v3/${rpcSecret}?key=${rpcSecret}`;
  const addresses = [`127.0.0.1:${await getPort()}`, `127.0.0.1:${await getPort()}`] as const;
  metricsUrls = addresses.map((address) => `http://${address}/metrics`);
  const [forStake, forSign] = addresses;
  await stack.startWorker("stake", { CHAIN_RPC_URL: secretUrl, METRICS_ADDRESS: forStake });
  await stack.startWorker("sign", { CHAIN_RPC_URL: secretUrl, METRICS_ADDRESS: forSign });
  server = await startApi(secretUrl);
  mistaken = startMistakenSigner(secretUrl);
});
afterAll(async () => {
  await server?.stop();
  await mistaken?.stop();
  await stack?.stop();
  await redis?.stop();
});

async function startApi(rpcUrl: string) {
  const program = startProcess({
    name: "server",
    command: process.execPath,
    args: [join(projectRoot, "dist", "server.js")],
    env: { ...stack.env, CHAIN_RPC_URL: rpcUrl, API_ADDRESS: "127.0.0.1:0" },
    cwd: stack.folder,
    logFile: join(stack.folder, "server.log"),
  });
  await waitUntil(() => program.output().includes("Server is ready"), {
    what: "the server to be ready",
    process: program,
  });
  const [, address] = /"address":"(127\.0\.0\.1:\d+)"/.exec(program.output()) ?? [];
  return { ...program, url: `http://${address}` };
}

/** Its mnemonic is that of another address: it refuses to start, in words. */
function startMistakenSigner(rpcUrl: string): RunningProcess {
  return startProcess({
    name: "mistaken",
    command: process.execPath,
    args: [join(projectRoot, "dist", "worker.js")],
    env: {
      ...stack.env,
      CHAIN_RPC_URL: rpcUrl,
      WORKER_ROLES: "sign",
      PROCESSOR_MNEMONIC: anvilMnemonic,
    },
    cwd: stack.folder,
    logFile: join(stack.folder, "mistaken.log"),
  });
}

/** All that the service has written down or shows, as it stands now. */
async function readEverything(): Promise<Written> {
  const { connection, options } = stack.client;
  const plain = new Client({ connection, namespace: options.namespace });
  const histories = await readHistories(plain);
  const rows = await stack.store.query<object>("SELECT * FROM stake_request");
  const metrics = await Promise.all(
    metricsUrls.map(async (url) => [url, Buffer.from(await (await fetch(url)).text())] as const),
  );
  return new Map([
    ...histories,
    ...metrics,
    ["stake_request", Buffer.from(JSON.stringify(rows))],
    ["logs of the workers", Buffer.from(stack.logs())],
    ["log of the server", Buffer.from(server.output())],
    ["log of a worker with another key", Buffer.from(mistaken.output())],
  ]);
}

test.skipIf(!hasRedis)(
  "43. no key, mnemonic or credential stands in any history, log, metric, error or row, and no user's signature before its broadcast",
  async () => {
    const [target] = stack.chain.targets;
    const sign = () => stack.nextUser().signStake({ target, dipAmount: oneDip });
    const [viaApi, viaStream, viaClient, forged, late] = await Promise.all([
      sign(),
      sign(),
      sign(),
      sign(),
      sign(),
    ]);
    const calls: readonly StakeCall[] = [viaApi, viaStream, viaClient, forged, late];
    const held = stack.gate.hold("eth_sendRawTransaction", "before");
    const posted = await fetch(`${server.url}/api/v1/stake`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(bodyOf(viaApi)),
    });
    expect(posted.status).toBe(202);
    await produce(await redis.client(), "stake", {
      owner: viaStream.owner,
      targetNftId: viaStream.target,
      dipAmount: oneDip.toString(),
      signatureId: Buffer.from(viaStream.signatureId.slice(2), "hex")
        .toString()
        .replaceAll("\0", ""),
      signature: viaStream.signature,
      timestamp: String(Date.now() / 1000),
    });
    await addEntry(await redis.client(), { entityId: "poison", type: "unstake" });
    const ids = [await stack.submit(viaClient)];
    const refused = await stack.submit({ ...forged, target: stack.chain.targets[1] });
    expect(await stack.untilFinal(refused)).toMatchObject({ state: "refused" });
    await held.reached;
    await waitUntil(
      async () => {
        const { queued, inFlight } = await stack.signerStatus();
        return queued + inFlight === 3;
      },
      { what: "all three to wait for the node", everyMs: 200 },
    );

    const before = await readEverything();
    expect(calls.flatMap(({ signature }) => findSecret(before, signature))).toEqual([]);
    expect(before.size).toBeGreaterThan(8);

    held.release();
    await stack.gate.outage(true);
    ids.push(await stack.submit(late));
    await new Promise((resolve) => setTimeout(resolve, 8_000));
    await stack.gate.outage(false);
    for (const id of ids) expect(await stack.untilFinal(id)).toMatchObject({ state: "succeeded" });
    await waitUntil(async () => (await stack.signerStatus()).counts.succeeded === 4, {
      what: "all four to be final",
      everyMs: 500,
    });

    const after = await readEverything();
    const secrets = [
      stack.chain.signer.privateKey,
      anvilMnemonic,
      rpcSecret,
      stack.codecKey.split(":")[1] ?? "",
    ];
    expect(secrets.flatMap((secret) => findSecret(after, secret))).toEqual([]);
    // The codec keeps them unreadable for good, and nothing else repeats them.
    expect(calls.flatMap(({ signature }) => findSecret(after, signature))).toEqual([]);
    expect((await mistaken.exited).code).toBe(1);
    expect(mistaken.output()).toContain("belongs to another address");
  },
  600_000,
);

/** As the UI's routes take it. */
function bodyOf(call: StakeCall) {
  if (call.kind !== "stake") throw new Error("a stake is meant");
  const { owner, target, dipAmount, signatureId, signature } = call;
  return { owner, targetNftId: target, dipAmount, signatureId, signature };
}

test("43. the search itself finds what stands there, as text, bytes and base64", () => {
  const secret = `0x${"ab12".repeat(16)}`;
  const bytes = Buffer.from(secret.slice(2), "hex");
  const places = {
    text: Buffer.from(`x${secret.toUpperCase()}y`),
    bytes: Buffer.concat([Buffer.from("x"), bytes]),
    base64: Buffer.from(Buffer.concat([Buffer.from("x"), bytes]).toString("base64")),
    nothing: Buffer.from("0xab12"),
  };
  expect(findSecret(new Map(Object.entries(places)), secret)).toEqual(["text", "bytes", "base64"]);
});
