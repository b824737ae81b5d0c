import { createWalletClient, type Hex, http, zeroAddress } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { anvil as anvilChain } from "viem/chains";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { ForkAt } from "../../src/activities/ports.ts";
import { callNode } from "../../src/dev/json-rpc.ts";
import { createExecutionNode } from "../../src/rpc/execution-node.ts";
import { traceEngine } from "../../src/trace/trace-engine.ts";
import { startIndexBlocks } from "../support/activity-run.ts";
import { startAnvil } from "../support/anvil.ts";
import { createFakeWorld } from "../support/fakes.ts";
import { createPool } from "../support/node-pool.ts";
import { type NodeProxy, startNodeProxy, type Tamper } from "../support/node-proxy.ts";

const sender = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
const contract = "0x00000000000000000000000000000000000000aa";
const delegating = "0x00000000000000000000000000000000000000bb";
const toNothing = "0x00000000000000000000000000000000000000cc";
const person = "0x00000000000000000000000000000000000000ee";
const unknownFork: ForkAt = () => null;
const osaka: ForkAt = () => "osaka";

/** Code that takes two steps and calls nobody; a delegation to it, and to an account without code. */
const codes: Readonly<Record<string, string>> = {
  [contract]: "0x600050",
  [delegating]: `0xef0100${contract.slice(2)}`,
  [toNothing]: `0xef0100${person.slice(2)}`,
};
const calldata = `0x${"ff".repeat(500)}`;
const transactions = {
  call: { to: contract },
  "call of a delegating account": { to: delegating },
  "call with much calldata": { to: contract, data: calldata },
  creation: { data: "0x600160005260206000f3" },
  transfer: { to: person, value: "0x1" },
  "transfer with data": { to: person, value: "0x1", data: "0x0102" },
  "call of a delegation to nothing": { to: toNothing },
} as const;
type Name = keyof typeof transactions;

let anvil: Awaited<ReturnType<typeof startAnvil>>;
let holey: NodeProxy;
const blockOf = new Map<string, number>();

/** Every trace comes without its steps, and says what it said otherwise. */
const withoutSteps: Tamper = async ({ method, params }, ask) => {
  const isSteps = !JSON.stringify(params).includes("callTracer");
  if (method !== "debug_traceBlockByHash" || !isSteps) return undefined;
  const traces = await ask();
  if (!Array.isArray(traces)) return { result: traces };
  return {
    result: traces.map((trace) => ({ ...trace, result: { ...trace.result, structLogs: [] } })),
  };
};

beforeAll(async () => {
  anvil = await startAnvil({ args: ["--no-mining"] });
  holey = await startNodeProxy(anvil.url, withoutSteps);
  for (const [account, code] of Object.entries(codes)) {
    await callNode(anvil.url, "anvil_setCode", [account, code]);
  }
  // The code has to stand before the blocks that call it.
  await callNode(anvil.url, "anvil_mine", ["0x2"]);
  for (const [name, transaction] of Object.entries(transactions)) {
    const request = { from: sender, gas: "0x4c4b40", ...transaction };
    const hash = await callNode(anvil.url, "eth_sendTransaction", [request]);
    await callNode(anvil.url, "anvil_mine", ["0x1"]);
    const receipt = await callNode(anvil.url, "eth_getTransactionReceipt", [hash]);
    expect(receipt, name).toMatchObject({ status: "0x1" });
    blockOf.set(name, Number(await callNode(anvil.url, "eth_blockNumber", [])));
  }
});
afterAll(async () => {
  await holey?.stop();
  await anvil?.stop();
});

/** What becomes of the block of a transaction. */
function outcomeOf(name: Name, url: string, forkAt: ForkAt): Promise<string> {
  return outcomeAt(blockOf.get(name) ?? 0, url, forkAt);
}

async function outcomeAt(blockNumber: number, url: string, forkAt: ForkAt): Promise<string> {
  return (await indexAt(blockNumber, url, forkAt)).outcome;
}

async function indexAt(blockNumber: number, url: string, forkAt: ForkAt) {
  const endpoint = { name: "node-a", url, headers: {} };
  const node = createExecutionNode(endpoint, { traceTimeoutMs: 10_000 });
  const world = createFakeWorld({ node, forkAt });
  const input = { fromBlock: blockNumber, toBlock: blockNumber };
  const { dependencies } = world;
  const { failed } = await startIndexBlocks({ dependencies, engine: traceEngine, input }).result;
  const row = world.ledger.winner(blockNumber);
  const outcome = failed[0]?.reason ?? row?.proof ?? "nothing";
  return { outcome, detail: JSON.parse(row?.proofDetail || "{}") };
}

describe("a block whose fork is unknown", () => {
  test.each([
    "call",
    "call of a delegating account",
    "call with much calldata",
    "creation",
  ] as const)(
    "is refused where a %s came without its steps, and is unverified with them",
    async (name) => {
      expect(await outcomeOf(name, anvil.url, unknownFork)).toBe("unverified");
      expect(await outcomeOf(name, holey.url, unknownFork)).toMatch(
        /^steps_(of_transaction|missing)/,
      );
    },
  );

  test.each(["transfer", "transfer with data", "call of a delegation to nothing"] as const)(
    "is not refused for a %s, which has none",
    async (name) => {
      expect(await outcomeOf(name, holey.url, unknownFork)).toBe("unverified");
    },
  );

  test("is not refused where the node does not say which accounts have code", async () => {
    const silent = await startNodeProxy(anvil.url, (call, ask) =>
      call.method === "eth_getCode"
        ? { error: { code: -32_000, message: "missing trie node" } }
        : withoutSteps(call, ask),
    );
    expect(await outcomeOf("call", silent.url, unknownFork)).toBe("unverified");
    await silent.stop();
  });
});

test("an account that in one block delegates no more, is called, and delegates again ran no code", async () => {
  const delegator = privateKeyToAccount(
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
  );
  const wallet = createWalletClient({
    account: privateKeyToAccount(
      "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    ),
    chain: anvilChain,
    transport: http(anvil.url),
  });
  const mine = () => callNode(anvil.url, "anvil_mine", ["0x1"]);
  const nonceOf = async (address: string, at: string) =>
    Number(await callNode(anvil.url, "eth_getTransactionCount", [address, at]));
  const delegate = async (to: Hex, nonce: number) => {
    const authorization = { contractAddress: to, chainId: anvilChain.id, nonce };
    const authorizationList = [await delegator.signAuthorization(authorization)];
    const nonceOfSender = await nonceOf(wallet.account.address, "pending");
    const common = { gas: 200_000n, maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n };
    const request = { ...common, to: person, authorizationList, nonce: nonceOfSender } as const;
    return wallet.sendTransaction(request);
  };
  await delegate(contract, 0);
  await mine();
  await delegate(zeroAddress, 1);
  const call = { from: sender, to: delegator.address, gas: "0x30d40", data: calldata };
  const hash = await callNode(anvil.url, "eth_sendTransaction", [call]);
  await delegate(contract, 2);
  await mine();

  const code = await callNode(anvil.url, "eth_getCode", [delegator.address, "latest"]);
  expect(code).toBe(codes[delegating]);
  const trace = await callNode(anvil.url, "debug_traceTransaction", [hash]);
  expect(trace).toMatchObject({ failed: false, structLogs: [] });
  const blockNumber = Number(await callNode(anvil.url, "eth_blockNumber", []));
  expect(await outcomeAt(blockNumber, anvil.url, osaka)).toBe("proven");
});

test("a call that pays the floor of its calldata pays the same without code: its account tells", async () => {
  expect(await outcomeOf("call with much calldata", anvil.url, osaka)).toBe("proven");
  expect(await outcomeOf("call with much calldata", holey.url, osaka)).toMatch(/^steps_of_tr/);
  expect(await outcomeOf("transfer with data", holey.url, osaka)).toBe("proven");
});

describe("a node that does not say which accounts have code", () => {
  const refusal = "the method eth_getCode is not available";
  const checkedByCode = expect.arrayContaining(["code_of_accounts"]);
  let silent: NodeProxy;
  afterEach(() => silent.stop());

  async function withoutCode(
    isRefused: (blockHash: unknown) => boolean,
    otherwise: Tamper = () => undefined,
  ): Promise<void> {
    silent = await startNodeProxy(anvil.url, (call, ask) =>
      call.method === "eth_getCode" && isRefused(blockOfQuery(call.params))
        ? { error: { code: -32_601, message: refusal } }
        : otherwise(call, ask),
    );
  }
  const index = (name: Name) => indexAt(blockOf.get(name) ?? 0, silent.url, osaka);

  test("leaves a block unverified, and the block says why, only where gas does not tell", async () => {
    await withoutCode(() => true);
    expect(await index("call with much calldata")).toMatchObject({ outcome: "proven" });
    expect(await index("transfer")).toMatchObject({ outcome: "proven" });
    expect(await index("transfer with data")).toMatchObject({
      outcome: "unverified",
      detail: {
        unverified: [
          {
            check: "code_of_accounts",
            why: `skipped: JSON-RPC error -32601: ${refusal}; accounts called without a step: 1`,
          },
        ],
      },
    });
  });

  test("for the block before, its state being pruned, clears who has none after", async () => {
    const after = await hashOf("transfer with data");
    await withoutCode((blockHash) => blockHash !== after);
    expect(await index("transfer with data")).toMatchObject({
      outcome: "proven",
      detail: { unverified: [], checked: checkedByCode },
    });
  });

  test("is no ground to call missing steps proven, nor false", async () => {
    const after = await hashOf("call with much calldata");
    await withoutCode((blockHash) => blockHash !== after, withoutSteps);
    expect(await index("call with much calldata")).toMatchObject({ outcome: "unverified" });
  });

  test("is told of once, and said to lack it", async () => {
    await withoutCode(() => true);
    const pool = createPool([{ name: "silent", url: silent.url }]);
    await pool.open();
    const blockHash = await hashAt(1);
    const query = { addresses: [contract], blockHash, followsDelegations: true };
    expect(pool.capabilities["silent"]).toMatchObject({ accountCode: "unknown" });
    await pool.nodes[0]?.node.findCode?.(query);
    await pool.nodes[0]?.headNode.findCode?.(query);
    expect(pool.capabilities["silent"]).toMatchObject({ accountCode: "no" });
    expect(pool.reports.map(({ state, reason }) => `${state}: ${reason}`)).toEqual([
      expect.stringMatching(new RegExp(`^serving: .*which accounts have code.*${refusal}$`)),
    ]);
  });
});

function hashOf(name: Name): Promise<Hex> {
  return hashAt(blockOf.get(name) ?? 0);
}

function blockOfQuery([, at]: readonly unknown[]): unknown {
  return typeof at === "object" && at !== null && "blockHash" in at ? at.blockHash : undefined;
}

async function hashAt(blockNumber: number): Promise<Hex> {
  const node = createExecutionNode(
    { name: "node-a", url: anvil.url, headers: {} },
    { traceTimeoutMs: 10_000 },
  );
  const block = await node.blockByNumber(blockNumber);
  if (block === null) throw new Error(`no block ${blockNumber}`);
  return block.hash;
}
