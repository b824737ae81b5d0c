import { setTimeout as sleep } from "node:timers/promises";
import { keccak256 } from "viem";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { StakingChain as ChainPort } from "../../../src/activities/staking/ports.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import type { StakeCall } from "../../../src/domain/staking/stake-call.ts";
import { openStakingChain } from "../../../src/staking/open-staking-chain.ts";
import type { SignedTransaction } from "../../../src/workflows/staking/stake-activities.ts";
import { type NodeProxy, startNodeProxy } from "../../support/node-proxy.ts";
import { openStakingActivities } from "../../support/staking-activities.ts";
import { oneDip, type StakingChain, startStakingChain } from "../../support/staking-chain.ts";

const gwei = 1_000_000_000n;
const fees = { maxFeePerGasWei: `${30n * gwei}`, maxPriorityFeePerGasWei: `${2n * gwei}` };

const nodes = (...proxies: readonly NodeProxy[]) =>
  proxies.map(({ url }, at) => ({ name: `node-${at + 1}`, url, headers: {} }));
/** A node that answers no more is given up after this long; a send after half of it, and then the look after it. */
const shortestHangMs = 9000;
/** The node answers nothing but its chain id until the end. */
function hangAt(proxy: NodeProxy): { readonly end: () => void } {
  const end = new AbortController();
  proxy.tamper = async ({ method }) => {
    if (method !== "eth_chainId")
      await sleep(60_000, undefined, { signal: end.signal }).catch(() => {});
    return undefined;
  };
  return { end: () => end.abort() };
}
/** What is late by half a second is left out: this answer comes after the other node's. */
function afterAnswerOf(other: NodeProxy, method: string): () => Promise<unknown> {
  const before = other.answers.get(method) ?? 0;
  return () =>
    waitUntil(() => (other.answers.get(method) ?? 0) > before, {
      what: `the other node to answer ${method}`,
      everyMs: 5,
      timeoutMs: 8000,
    });
}

const asChain = (id: string) => (call: { method: string }) =>
  call.method === "eth_chainId" ? { result: id } : undefined;

describe("nodes that lie, lag and fail", () => {
  let chain: StakingChain;
  let first: NodeProxy;
  let second: NodeProxy;
  beforeAll(async () => {
    chain = await startStakingChain();
    first = await startNodeProxy(chain.url);
    second = await startNodeProxy(chain.url);
  });
  afterEach(async () => {
    first.tamper = () => undefined;
    second.tamper = () => undefined;
    await first.outage(false);
    await second.outage(false);
    await chain.automine(true);
    await chain.mine();
  });
  afterAll(async () => {
    await first.stop();
    await second.stop();
    await chain.stop();
  });

  const open = (...proxies: readonly NodeProxy[]) =>
    openStakingActivities(chain, { urls: proxies.map(({ url }) => url) });
  const contract = () => ({
    contractAddress: chain.contracts.stakingAddress,
    chainId: chain.chainId,
    confirmations: null,
  });
  const stakeCall = () => chain.users[0].signStake({ target: chain.targets[0], dipAmount: oneDip });
  /** Signed for the next nonce of the account, and not sent. */
  async function signNext(
    call: StakeCall | null,
    options: { readonly nonce?: number; readonly maxFeePerGasWei?: string } = {},
  ): Promise<SignedTransaction> {
    const { activities } = await openStakingActivities(chain);
    const { latestNonce } = await activities.readAccount({
      chainId: 31_337,
      address: chain.signer.address,
    });
    const { items } = await activities.signTransactions({
      chainId: 31_337,
      address: chain.signer.address,
      items: [{ nonce: latestNonce, gasLimit: "900000", ...fees, ...options, call }],
    });
    if (items[0] === undefined) throw new Error("nothing signed");
    return items[0];
  }
  const broadcast = async (port: ChainPort, transaction: SignedTransaction) => {
    const [result] = await port.broadcast([transaction], chain.signer.address);
    return result;
  };
  const count = async () =>
    Number(await chain.rpc("eth_getTransactionCount", [chain.signer.address, "latest"]));

  describe("what became of a broadcast:", () => {
    test.each([
      ["breaks", () => Promise.resolve("drop" as const)],
      ["times out", () => sleep(6000, "drop" as const)],
    ])("20. a send that %s though it was accepted is known", async (_what, end) => {
      const { port } = await open(first);
      first.tamper = async ({ method }, ask) => {
        if (method !== "eth_sendRawTransaction") return undefined;
        await ask();
        return end();
      };
      const transaction = await signNext(await stakeCall());
      expect(await broadcast(port, transaction)).toBe("known");
      expect(transaction.hash).toBe(keccak256(transaction.raw));
    });

    test("27. what every pool dropped is missing; what one of them has, or a block, is not", async () => {
      const { port } = await open(first, second);
      await chain.automine(false);
      const transaction = await signNext(await stakeCall());
      const { hash } = transaction;
      expect(await port.missing([hash])).toEqual([true]);
      await broadcast(port, transaction);
      const other = afterAnswerOf(second, "eth_getTransactionByHash");
      first.tamper = async ({ method }) => {
        if (method !== "eth_getTransactionByHash") return undefined;
        await other();
        return { result: null };
      };
      expect(await port.missing([hash])).toEqual([false]);
      first.tamper = () => undefined;
      await chain.rpc("anvil_dropTransaction", [hash]);
      expect(await port.missing([hash])).toEqual([true]);

      expect(await broadcast(port, transaction)).toBe("known");
      await chain.mine();
      expect(await port.missing([hash])).toEqual([false]);
    });

    test("21. a send that was lost is not taken for sent, and can be sent again", async () => {
      const { port } = await open(first);
      const transaction = await signNext(await stakeCall());
      first.tamper = ({ method }) =>
        method === "eth_sendRawTransaction" ? { result: transaction.hash } : undefined;
      expect(await broadcast(port, transaction)).toBe("not_taken");
      first.tamper = () => undefined;
      expect(await broadcast(port, transaction)).toBe("known");
    });

    test.each([
      ["already known", -32_000],
      ["nonce too low", -32_000],
      ["replacement transaction underpriced", -32_000],
      ["Transaktion schon da / déjà connu", -32_603],
      ["", 0],
    ])("22. a node that took it and says '%s' is not believed", async (message, code) => {
      const { port } = await open(first);
      first.tamper = async ({ method }, ask) => {
        if (method !== "eth_sendRawTransaction") return undefined;
        await ask();
        return { error: { code, message } };
      };
      expect(await broadcast(port, await signNext(await stakeCall()))).toBe("known");
    });

    test.each(["already known", "nonce too low", "replacement transaction underpriced"])(
      "22. a node that refused it and says '%s' has not got it",
      async (message) => {
        const { port } = await open(first);
        first.tamper = ({ method }) =>
          method === "eth_sendRawTransaction" ? { error: { code: -32_000, message } } : undefined;
        const result = await broadcast(port, await signNext(await stakeCall()));
        expect(result).toBe(message.includes("underpriced") ? "underpriced" : "not_taken");
      },
    );

    test("22. a nonce that something else has used is told by the count", async () => {
      const { port } = await open(first);
      const nonce = await count();
      const late = await signNext(await stakeCall(), { nonce });
      const early = await signNext(null, { nonce });
      expect(await broadcast(port, early)).toBe("known");
      await chain.untilMined(early.hash);
      expect(await broadcast(port, late)).toBe("nonce_used");
    });

    test("what was mined is known, however often it is sent", async () => {
      const { port } = await open(first, second);
      const transaction = await signNext(await stakeCall());
      for (let times = 0; times < 3; times += 1) {
        expect(await broadcast(port, transaction)).toBe("known");
        await chain.untilMined(transaction.hash);
      }
      expect(await count()).toBe(transaction.nonce + 1);
    });

    test("27. what the pool dropped is sent again, the same bytes", async () => {
      await chain.automine(false);
      const { port } = await open(first);
      const transaction = await signNext(await stakeCall());
      expect(await broadcast(port, transaction)).toBe("known");
      await chain.rpc("anvil_dropTransaction", [transaction.hash]);
      expect(await port.receipts([{ hashes: [transaction.hash], call: null }])).toEqual([null]);
      expect(await broadcast(port, transaction)).toBe("known");
      await chain.mine();
      const [receipt] = await port.receipts([{ hashes: [transaction.hash], call: null }]);
      expect(receipt).toMatchObject({ status: "success", hash: transaction.hash });
    });

    test("too little ether, and a fee below the base fee, are told by the numbers", async () => {
      const { port } = await open(first);
      const snapshot = await chain.rpc("evm_snapshot");
      const transaction = await signNext(await stakeCall());
      await chain.rpc("anvil_setBalance", [chain.signer.address, "0x1"]);
      expect(await broadcast(port, transaction)).toBe("insufficient_funds");
      await chain.rpc("evm_revert", [snapshot]);

      await chain.rpc("anvil_setNextBlockBaseFeePerGas", [`0x${(50n * gwei).toString(16)}`]);
      await chain.mine();
      const cheap = await signNext(await stakeCall());
      first.tamper = ({ method }) =>
        method === "eth_sendRawTransaction"
          ? { error: { code: -32_000, message: "no" } }
          : undefined;
      expect(await broadcast(port, cheap)).toBe("underpriced");
      await chain.rpc("anvil_setNextBlockBaseFeePerGas", [`0x${gwei.toString(16)}`]);
      await chain.mine();
    });

    test("goes to every node; one that hangs holds nothing up", async () => {
      const { port } = await open(first, second);
      const transaction = await signNext(await stakeCall());
      const sends = () => second.calls.get("eth_sendRawTransaction") ?? 0;
      const before = sends();
      const hang = hangAt(second);
      try {
        const startedAt = Date.now();
        expect(await broadcast(port, transaction)).toBe("known");
        expect(Date.now() - startedAt).toBeLessThan(shortestHangMs);
        await waitUntil(() => sends() > before, { what: "the other node to be sent it too" });
      } finally {
        hang.end();
      }
    });
  });

  test("23. what is estimated at `pending` by the node's default is asked at `latest`", async () => {
    await chain.automine(false);
    const { port } = await open(first);
    const call = await stakeCall();
    const transaction = await signNext(call);
    expect(await broadcast(port, transaction)).toBe("known");
    // Pending, so that a look at `pending` would say that the signature is used.
    first.tamper = ({ method, params }) => {
      if (method !== "eth_estimateGas" && method !== "eth_call") return undefined;
      if (params[1] === "latest") return undefined;
      return { error: { code: 3, message: "execution reverted: ERROR:SMH-001:SIGNATURE_USED" } };
    };
    const verdicts = await port.checkCalls([call], chain.signer.address);
    expect(verdicts).toMatchObject([{ kind: "ready" }]);
    await chain.rpc("anvil_dropTransaction", [transaction.hash]);
    expect(await port.checkCalls([call], chain.signer.address)).toMatchObject([{ kind: "ready" }]);
  });

  describe("24. replicas:", () => {
    test("receipts that are null for a while are not there yet, then they are", async () => {
      const { port } = await open(first);
      const call = await stakeCall();
      const { hash } = await sendNow(port, call);
      first.tamper = ({ method }) =>
        method === "eth_getTransactionReceipt" ? { result: null } : undefined;
      expect(await port.receipts([{ hashes: [hash], call }])).toEqual([null]);
      first.tamper = () => undefined;
      expect(await port.receipts([{ hashes: [hash], call }])).toMatchObject([{ hash }]);
    });

    test("a receipt that one node lacks comes from the other", async () => {
      const { port } = await open(first, second);
      const call = await stakeCall();
      const { hash } = await sendNow(port, call);
      const other = afterAnswerOf(second, "eth_getTransactionReceipt");
      let asks = 0;
      first.tamper = async ({ method }) => {
        if (method !== "eth_getTransactionReceipt") return undefined;
        asks += 1;
        // At first the best node is asked alone.
        if (asks > 1) await other();
        return { result: null };
      };
      expect(await port.receipts([{ hashes: [hash], call }])).toMatchObject([{ hash }]);
    });

    test("a receipt of a branch that the best node has left does not count", async () => {
      const { port } = await open(first, second);
      const call = await stakeCall();
      const { hash } = await sendNow(port, call);
      first.tamper = async ({ method }, ask) => {
        if (method === "eth_getTransactionReceipt") return { result: null };
        if (method === "eth_blockNumber")
          return { result: `0x${(Number(await ask()) + 1).toString(16)}` };
        if (method === "eth_getBlockByNumber") return { result: { hash: `0x${"ab".repeat(32)}` } };
        return undefined;
      };
      const best = afterAnswerOf(first, "eth_blockNumber");
      second.tamper = async ({ method }) => {
        if (method === "eth_blockNumber") await best();
        return undefined;
      };
      expect(await port.receipts([{ hashes: [hash], call }])).toEqual([null]);
    });

    test("the count is the highest of all nodes, whichever lags", async () => {
      const { port } = await open(first, second);
      await sendNow(port, await stakeCall());
      const latestNonce = await count();
      for (const [stale, fresh] of [
        [first, second],
        [second, first],
      ] as const) {
        const other = afterAnswerOf(fresh, "eth_getTransactionCount");
        stale.tamper = async ({ method }) => {
          if (method !== "eth_getTransactionCount") return undefined;
          await other();
          return { result: "0x0" };
        };
        expect(await port.account(chain.signer.address)).toMatchObject({ latestNonce });
        stale.tamper = () => undefined;
      }
    });
  });

  describe("25. faults:", () => {
    test.each([
      ["429", { status: 429, headers: { "retry-after": "1" } }],
      ["500", { status: 500 }],
      ["a broken connection", "drop" as const],
      ["a JSON-RPC fault", { error: { code: -32_603, message: "internal error" } }],
    ])("%s of one node sends the question to the next", async (_what, instead) => {
      const { port } = await open(first, second);
      first.tamper = ({ method }) => (method === "eth_chainId" ? undefined : instead);
      const call = await stakeCall();
      expect(await port.checkCalls([call], chain.signer.address)).toMatchObject([
        { kind: "ready" },
      ]);
      expect(await port.account(chain.signer.address)).toMatchObject({
        latestNonce: await count(),
      });
    });

    test.each([
      ["429", { status: 429 }, "NodeUnavailableError", "HTTP 429"],
      ["500", { status: 500 }, "NodeUnavailableError", "HTTP 500"],
      ["a broken connection", "drop" as const, "NodeUnavailableError", "the connection closed"],
      [
        "a JSON-RPC fault",
        { error: { code: -32_603, message: "internal error" } },
        "NodeRefusedError",
        "internal error",
      ],
    ])(
      "%s of the only node is an error that is retried, in our words",
      async (_what, instead, name, words) => {
        const { port } = await open(first);
        const call = await stakeCall();
        first.tamper = () => instead;
        const asked = port.checkCalls([call], chain.signer.address);
        await expect(asked).rejects.toMatchObject({ name, retryable: true });
        await expect(asked).rejects.toThrow(words);
        const message = await asked.catch((error: unknown) => String(error));
        for (const secret of [first.url, new URL(first.url).port, call.signature.slice(2, 40)]) {
          expect(message).not.toContain(secret);
        }
      },
    );

    test("a node that repeats what it was sent tells nobody the signature", async () => {
      const { port } = await open(first);
      const call = await stakeCall();
      first.tamper = ({ method, params }) =>
        method === "eth_call"
          ? { error: { code: -32_000, message: `cannot do ${JSON.stringify(params)} now` } }
          : undefined;
      const message = await port
        .checkCalls([call], chain.signer.address)
        .catch((error: unknown) => String(error));
      expect(message).toContain("cannot do");
      expect(message).not.toContain(call.signature.slice(2, 40));
    });

    test("a node that hangs does not hold up the others", async () => {
      const { port } = await open(first, second);
      const call = await stakeCall();
      const hang = hangAt(first);
      try {
        const startedAt = Date.now();
        await port.account(chain.signer.address);
        const asked = first.requests;
        for (let times = 0; times < 2; times += 1) await port.account(chain.signer.address);
        expect(await port.checkCalls([call], chain.signer.address)).toMatchObject([
          { kind: "ready" },
        ]);
        expect(Date.now() - startedAt).toBeLessThan(shortestHangMs);
        // While it owes an answer it is not asked again.
        expect(first.requests).toBe(asked);
      } finally {
        hang.end();
      }
    });

    test("a watch outlives an outage of its only node, and sees what happened meanwhile", async () => {
      const { activities, port } = await open(first);
      const known = await port.account(chain.signer.address);
      const watch = activities.watchAccount({
        chainId: 31_337,
        address: chain.signer.address,
        latestNonce: known.latestNonce,
        finalNonce: known.finalNonce,
        minedBlocks: [],
        maximumSeconds: 20,
      });
      await first.outage(true);
      const direct = await openStakingActivities(chain);
      await sendNow(direct.port, await stakeCall());
      await sleep(300);
      await first.outage(false);
      const { account } = await watch;
      expect(account.latestNonce).toBe(known.latestNonce + 1);
    });
  });

  describe("26. another chain:", () => {
    test("a node of another chain than the configured one: refused at the start", async () => {
      first.tamper = asChain("0x1");
      const opened = openStakingChain({ ...contract(), nodes: nodes(second, first) });
      await expect(opened).rejects.toThrowErrorMatchingInlineSnapshot(`
        [WrongChainError: The node "node-2" serves another chain than the network "staking".
          expected chain id: 31337
          eth_chainId: 1
          Fix: point the network at a node of its chain, or give this chain a network name of its own.]
      `);
    });

    test("nodes of different chains: refused, though none is configured", async () => {
      second.tamper = asChain("0x1");
      const opened = openStakingChain({
        ...contract(),
        chainId: null,
        nodes: nodes(first, second),
      });
      await expect(opened).rejects.toThrowErrorMatchingInlineSnapshot(`
        [WrongChainError: The node "node-2" serves another chain than the network "staking".
          expected chain id: 31337, as the node "node-1" shows
          eth_chainId: 1
          Fix: point the network at a node of its chain, or give this chain a network name of its own.]
      `);
    });

    test("a node that was away at the start is looked at before it is believed", async () => {
      await second.outage(true);
      const port = await openStakingChain({ ...contract(), nodes: nodes(first, second) });
      second.tamper = asChain("0x1");
      await second.outage(false);
      const asked = second.calls.get("eth_call");
      const call = await stakeCall();
      expect(await port.checkCalls([call], chain.signer.address)).toMatchObject([
        { kind: "ready" },
      ]);
      expect(second.calls.get("eth_call")).toBe(asked);
      await first.outage(true);
      await expect(port.account(chain.signer.address)).rejects.toMatchObject({
        name: "WrongChainError",
        retryable: false,
      });
    });

    test("an address without a staking contract", async () => {
      const opened = openStakingChain({
        ...contract(),
        contractAddress: chain.contracts.dipAddress,
        nodes: nodes(first),
      });
      await expect(opened).rejects.toMatchObject({
        name: "StakingContractError",
        retryable: false,
      });
    });

    test("no node that answers: an error that is retried", async () => {
      await first.outage(true);
      const opened = openStakingChain({ ...contract(), nodes: nodes(first) });
      await expect(opened).rejects.toMatchObject({ name: "NodeUnavailableError", retryable: true });
    });
  });

  async function sendNow(port: ChainPort, call: StakeCall): Promise<SignedTransaction> {
    const transaction = await signNext(call);
    expect(await broadcast(port, transaction)).toBe("known");
    await chain.untilMined(transaction.hash);
    return transaction;
  }
});
