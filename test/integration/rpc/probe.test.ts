import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectedChainId } from "../../../src/config/networks.ts";
import { callNode } from "../../../src/dev/json-rpc.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import { toEndpoint } from "../../../src/rpc/endpoint.ts";
import { createExecutionNode } from "../../../src/rpc/execution-node.ts";
import { probeNode } from "../../../src/rpc/probe.ts";
import { createStepsCheck } from "../../../src/rpc/steps-check.ts";
import { startAnvil } from "../../support/anvil.ts";
import { createPool } from "../../support/node-pool.ts";
import { startNodeProxy } from "../../support/node-proxy.ts";
import { reply, startNodeDouble } from "./node-double.ts";

const sender = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
const account = "0x00000000000000000000000000000000000000aa";
/** Any chain, under a name that implies none. */
const anyChain = { network: "devnet", expectedChainId: null };

function connect(url: string, name = "node-a") {
  return createExecutionNode(toEndpoint({ name, url, headers: {} }), { traceTimeoutMs: 10_000 });
}

/** Calls an account whose code counts down from 1000. */
async function runCode(url: string): Promise<void> {
  await callNode(url, "anvil_setCode", [account, "0x6103e85b600190038060035700"]);
  await send(url, { to: account });
}

async function send(url: string, transaction: object): Promise<void> {
  const hash = await callNode(url, "eth_sendTransaction", [
    { from: sender, gas: "0x4c4b40", ...transaction },
  ]);
  await waitUntil(async () => (await callNode(url, "eth_getTransactionReceipt", [hash])) !== null, {
    what: "the transaction's block",
  });
}

describe("a good node", () => {
  let anvil: Awaited<ReturnType<typeof startAnvil>>;
  beforeAll(async () => {
    anvil = await startAnvil();
  });
  afterAll(() => anvil.stop());

  test("says which chain it serves", async () => {
    expect(await probeNode(connect(anvil.url), anyChain)).toMatchObject({
      chainId: 31_337,
      genesisHash: expect.stringMatching(/^0x[0-9a-f]{64}$/),
      clientVersion: expect.stringMatching(/^anvil/),
    });
  });

  test("under a well-known name it must serve that chain", async () => {
    const network = { name: "mainnet", chainId: null };
    const probing = probeNode(connect(anvil.url), {
      network: network.name,
      expectedChainId: expectedChainId(network),
    });
    await expect(probing).rejects.toThrowErrorMatchingInlineSnapshot(`
      [WrongChainError: The node "node-a" serves another chain than the network "mainnet".
        expected chain id: 1
        eth_chainId: 31337
        Fix: point the network at a node of its chain, or give this chain a network name of its own.]
    `);
  });

  test("steps are undecided until a transaction ran code, and plain transfers decide nothing", async () => {
    const checkSteps = createStepsCheck(connect(anvil.url));
    expect(await checkSteps()).toBe("undecided");
    await send(anvil.url, { to: "0x00000000000000000000000000000000000000bb", value: "0x1" });
    expect(await checkSteps()).toBe("undecided");
    await runCode(anvil.url);
    expect(await checkSteps()).toBe("steps");
  });
});

test("anvil without --steps-tracing is refused as soon as a transaction ran code", async () => {
  const anvil = await startAnvil({ stepsTracing: false });
  const pool = createPool([{ name: "node-a", url: anvil.url }]);
  await pool.open();
  await runCode(anvil.url);
  // A look that takes long is not waited for: the node is refused by the next.
  await expect.poll(() => pool.open().catch(String)).toContain("no steps");
  await expect(pool.open()).rejects.toThrow("no steps");
  await expect(pool.open()).rejects.toThrowErrorMatchingInlineSnapshot(`
    [StepsTracingMissingError: The node "node-a" answers traces that hold no steps.
      client: anvil/v1.7.1
      a transaction that ran code came back with structLogs: []
      Fix: start anvil with --steps-tracing; nothing was stored.]
  `);
  await anvil.stop();
});

test.each([
  ["answers steps in its place", { result: { gas: 1, structLogs: [{ op: "STOP" }] } }],
  ["says so", { error: { code: -32_602, message: "tracer not found" } }],
] as const)(
  "a client that knows no callTracer and %s is refused once a transaction ran code",
  async (_, instead) => {
    const anvil = await startAnvil();
    const old = await startNodeProxy(anvil.url, ({ method, params }) =>
      method === "debug_traceTransaction" && JSON.stringify(params).includes("callTracer")
        ? instead
        : undefined,
    );
    await runCode(anvil.url);
    const pool = createPool([{ name: "node-a", url: old.url }]);
    await expect(pool.open()).rejects.toMatchObject({
      name: "DebugNamespaceMissingError",
      message: expect.stringContaining('The node "node-a" does not serve callTracer.'),
    });
    await old.stop();
    await anvil.stop();
  },
);

test("what a node can do is known after the probe, and by what it was seen to do", async () => {
  const anvil = await startAnvil();
  const pool = createPool([
    { name: "node-a", url: anvil.url, maximumTraces: 2 },
    { name: "node-b", url: "http://127.0.0.1:9" },
  ]);
  await pool.open();
  await runCode(anvil.url);
  await waitUntil(
    async () => (await pool.open()) && pool.capabilities["node-a"]?.traces === "seen",
    {
      what: "a look at the traces",
    },
  );
  expect(pool.capabilities).toEqual({
    "node-a": {
      accountCode: "unknown",
      clientVersion: expect.stringMatching(/^anvil/),
      traces: "seen",
      archiveDepth: "all",
      noStateUpTo: null,
      gzip: "no",
      asksGzip: false,
      traceWay: null,
      singlesFromGas: null,
      tracesAtOnce: 2,
    },
    "node-b": null,
  });
  await anvil.stop();
});

test("a node without the debug namespace is refused", async () => {
  const double = await startNodeDouble(({ method, id }, response) => {
    const answers: Record<string, object> = {
      eth_chainId: { result: "0x1" },
      web3_clientVersion: { result: "Geth/v1.17.5" },
      eth_getBlockByNumber: {
        result: { number: "0x0", hash: `0x${"1".repeat(64)}`, parentHash: `0x${"0".repeat(64)}` },
      },
    };
    const missing = `the method ${method} does not exist/is not available`;
    reply(response, id, answers[method] ?? { error: { code: -32601, message: missing } });
  });
  await expect(
    probeNode(connect(double.url), anyChain),
  ).rejects.toThrowErrorMatchingInlineSnapshot(`
    [DebugNamespaceMissingError: The node "node-a" does not serve debug_traceBlockByHash.
      client: Geth/v1.17.5
      Fix: start it with the debug namespace (geth: --http.api eth,web3,debug) or use a node that has it.]
  `);
  await double.stop();
});
