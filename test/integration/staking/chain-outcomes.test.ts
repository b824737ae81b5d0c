import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createWatchAccount } from "../../../src/activities/staking/watch-account.ts";
import { readArtifact } from "../../../src/dev/staking/contract-artifacts.ts";
import { createTestUser } from "../../../src/dev/staking/test-user.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import type { StakeCall } from "../../../src/domain/staking/stake-call.ts";
import type { ReceiptView } from "../../../src/workflows/staking/stake-activities.ts";
import { openStakingActivities, runActivity } from "../../support/staking-activities.ts";
import { oneDip, type StakingChain, startStakingChain } from "../../support/staking-chain.ts";

let chain: StakingChain;
let opened: Awaited<ReturnType<typeof openStakingActivities>>;
beforeAll(async () => {
  chain = await startStakingChain();
  opened = await openStakingActivities(chain);
});
afterAll(() => chain.stop());

const chainId = 31_337;
const stakeCall = () => chain.users[0].signStake({ target: chain.targets[0], dipAmount: oneDip });

/** Sends without any check, as nobody should; the checks alone keep reverts away. */
async function send(
  call: StakeCall | null,
  { gasLimit = "900000", skip = 0 }: { gasLimit?: string; skip?: number } = {},
) {
  const { activities, port } = opened;
  const { address } = chain.signer;
  const { latestNonce } = await port.account(address);
  const { items } = await activities.signTransactions({
    chainId,
    address,
    items: [
      {
        nonce: latestNonce + skip,
        gasLimit,
        maxFeePerGasWei: "30000000000",
        maxPriorityFeePerGasWei: "1500000000",
        call,
      },
    ],
  });
  expect(await port.broadcast(items, address)).toEqual(["known"]);
  const [transaction] = items;
  if (transaction === undefined) throw new Error("nothing signed");
  return transaction;
}
/** Anvil may answer a send before the transaction's block is mined, so the receipt is waited for. */
async function receiptOf(hash: `0x${string}`, call: StakeCall | null): Promise<ReceiptView> {
  return waitUntil(
    async () => {
      const { items } = await opened.activities.readReceipts({
        chainId,
        items: [{ nonce: 0, hashes: [`0x${"ee".repeat(32)}`, hash], call }],
      });
      return items[0]?.receipt ?? undefined;
    },
    { what: "the receipt" },
  );
}
const sendAndRead = async (call: StakeCall | null, options?: { gasLimit?: string }) =>
  receiptOf((await send(call, options)).hash, call);

async function calldataOf(hash: string): Promise<unknown> {
  const transaction = await chain.rpc("eth_getTransactionByHash", [hash]);
  return typeof transaction === "object" && transaction !== null && "input" in transaction
    ? transaction.input
    : undefined;
}

const watchOf = async (change: object = {}) => {
  const { latestNonce, finalNonce } = await opened.port.account(chain.signer.address);
  const known = { chainId, address: chain.signer.address, latestNonce, finalNonce };
  const input = { ...known, minedBlocks: [], maximumSeconds: 100, ...change };
  return runActivity(createWatchAccount({ chain: opened.port, pollMs: 20 }), input);
};

describe("a mined revert says why:", () => {
  test("no allowance: its user can mend it, and the signature is not used up", async () => {
    const user = createTestUser(8, chain.contracts);
    await chain.contracts.giveDip(user.address, oneDip);
    const call = await user.signStake({ target: chain.targets[0], dipAmount: oneDip });
    const receipt = await sendAndRead(call);
    expect(receipt).toMatchObject({
      status: "reverted",
      stakeId: null,
      verdict: { kind: "wait", for: "user", reason: { code: "DIP_ALLOWANCE_INSUFFICIENT" } },
    });
    await chain.contracts.approveDip(user.address, oneDip);
    // The state has changed since; the reason is that of its own block.
    expect((await receiptOf(receipt.hash, call)).verdict).toEqual(receipt.verdict);
    expect(await sendAndRead(call)).toMatchObject({ status: "success", verdict: null });
  });

  test("35. out of gas", async () => {
    const receipt = await sendAndRead(await stakeCall(), { gasLimit: "400000" });
    expect(receipt).toMatchObject({
      status: "reverted",
      verdict: { kind: "refused", reason: { code: "OUT_OF_GAS" }, mayBeAskedAgain: true },
    });
  });

  test("a signature that a stranger used first: her transaction is what counts", async () => {
    const call = await stakeCall();
    await chain.automine(false);
    const { hash } = await send(call);
    const theirs = await chain.rpc("eth_sendTransaction", [
      {
        from: chain.stranger.address,
        to: chain.contracts.stakingAddress,
        data: await calldataOf(hash),
        gas: "0xdbba0",
        maxFeePerGas: "0x174876e800",
        maxPriorityFeePerGas: "0x174876e800",
      },
    ]);
    await chain.mine();
    await chain.automine(true);
    // Both in one block: on the state of the parent block ours would have passed.
    expect(await receiptOf(hash, call)).toMatchObject({
      status: "reverted",
      verdict: { kind: "fulfilled", transactionHash: theirs, byUs: false },
    });
  });

  test("a signature that a stranger burned", async () => {
    const call = await stakeCall();
    if (call.kind !== "stake") throw new Error("no stake");
    const { owner, target, dipAmount, signatureId, signature } = call;
    const to = {
      address: chain.contracts.messageHelperAddress,
      abi: readArtifact("StakingMessageHelper").abi,
    };
    const args = [owner, BigInt(target), BigInt(dipAmount), signatureId, signature];
    const name = "processStakeSignature";
    await chain.contracts.accounts.send(chain.stranger.address, { to, name, args });
    const receipt = await sendAndRead(call);
    expect(receipt).toMatchObject({ status: "reverted", verdict: { kind: "burned" } });
    expect(Number(receipt.gasUsed)).toBeLessThan(60_000);
  });

  test("a NOOP has a receipt and no stake", async () => {
    expect(await sendAndRead(null, { gasLimit: "21000" })).toMatchObject({
      status: "success",
      gasUsed: "21000",
      stakeId: null,
      verdict: null,
    });
  });
});

describe("the account", () => {
  test("is final as far as the node says, or so many blocks below the head", async () => {
    const { address } = chain.signer;
    await chain.mine(3);
    await sendAndRead(null, { gasLimit: "21000" });
    const view = await opened.port.account(address);
    expect(view.finalNumber).toBe(view.headNumber - 2); // anvil's `finalized`
    expect(view.finalNonce).toBe(view.latestNonce - 1);

    const { port } = await openStakingActivities(chain, { confirmations: 6 });
    const deep = await port.account(address);
    expect(deep.finalNumber).toBe(deep.headNumber - 6);
    await chain.mine(6);
    const later = await port.account(address);
    expect([later.finalNonce, later.latestNonce]).toEqual([view.latestNonce, view.latestNonce]);
  });

  test("has nothing final on a chain that is younger than its confirmations", async () => {
    const { port } = await openStakingActivities(chain, { confirmations: 1_000_000 });
    expect(await port.account(chain.signer.address)).toMatchObject({
      finalNumber: 0,
      finalNonce: 0,
    });
  });

  test("tells the base fee of the next block", async () => {
    await chain.rpc("anvil_setNextBlockBaseFeePerGas", ["0x174876e800"]);
    await chain.mine();
    const { baseFeePerGasWei } = await opened.port.account(chain.signer.address);
    expect(Number(baseFeePerGasWei)).toBeGreaterThan(80e9);
    expect(Number(baseFeePerGasWei)).toBeLessThan(101e9);
    await chain.rpc("anvil_setNextBlockBaseFeePerGas", ["0x3b9aca00"]);
    await chain.mine();
  });
});

describe("watchAccount", () => {
  test("ends when a transaction is mined, and beats meanwhile", async () => {
    await chain.mine(3);
    const watch = await watchOf();
    await waitUntil(() => watch.heartbeats.length > 2, { what: "heartbeats" });
    const { nonce } = await send(null, { gasLimit: "21000" });
    const { account, reorgedBlocks } = await watch.result;
    expect([account.latestNonce, reorgedBlocks]).toEqual([nonce + 1, []]);
  });

  test("ends when a nonce becomes final", async () => {
    await chain.mine(3); // whatever was sent before is final
    await sendAndRead(null, { gasLimit: "21000" });
    const watch = await watchOf();
    await chain.mine(3);
    const { account } = await watch.result;
    expect(account.finalNonce).toBe(account.latestNonce);
  });

  test("ends with its time where nothing happens", async () => {
    await chain.mine(3);
    const startedAt = Date.now();
    const watch = await watchOf({ maximumSeconds: 1 });
    const { reorgedBlocks } = await watch.result;
    expect(reorgedBlocks).toEqual([]);
    expect(Date.now() - startedAt).toBeLessThan(15_000);
  });

  test("32. tells which of our blocks a reorg took, and the same bytes are taken again", async () => {
    await chain.mine(3);
    const call = await stakeCall();
    const transaction = await send(call);
    const receipt = await receiptOf(transaction.hash, call);
    await chain.mine(1);
    const { blockNumber, blockHash } = receipt;
    const watch = await watchOf({ minedBlocks: [{ number: blockNumber, hash: blockHash }] });
    await waitUntil(() => watch.heartbeats.length > 1, { what: "heartbeats" });
    await chain.automine(false);
    await chain.rpc("anvil_reorg", [2, []]);
    const { reorgedBlocks } = await watch.result;
    expect(reorgedBlocks).toEqual([blockNumber]);
    expect(await opened.port.receipts([{ hashes: [transaction.hash], call }])).toEqual([null]);

    expect(await opened.port.broadcast([transaction], chain.signer.address)).toEqual(["known"]);
    await chain.mine();
    await chain.automine(true);
    const again = await receiptOf(transaction.hash, call);
    expect(again).toMatchObject({ status: "success", stakeId: receipt.stakeId });
    expect(again.blockHash).not.toBe(blockHash);
  });

  test("ends at once when it is cancelled", async () => {
    await chain.mine(3);
    const watch = await watchOf();
    await waitUntil(() => watch.heartbeats.length > 1, { what: "heartbeats" });
    watch.cancel();
    await expect(watch.result).rejects.toThrow();
  });
});

test("several are signed, sent and read in one go, in the order of their nonces", async () => {
  const { activities, port } = opened;
  const { address } = chain.signer;
  const users = [...chain.users];
  const calls = await Promise.all(
    users.map((user) => user.signStake({ target: chain.targets[1], dipAmount: oneDip })),
  );
  const prepared = await activities.prepareCalls({
    chainId,
    address,
    items: calls.map((call, at) => ({ requestId: `r${at}`, call })),
  });
  expect(prepared.items.map(({ requestId, verdict }) => [requestId, verdict.kind])).toEqual([
    ["r0", "ready"],
    ["r1", "ready"],
    ["r2", "ready"],
  ]);
  const { items: signed } = await activities.signTransactions({
    chainId,
    address,
    items: calls.map((call, at) => ({
      nonce: prepared.account.latestNonce + at,
      gasLimit: "900000",
      maxFeePerGasWei: "30000000000",
      maxPriorityFeePerGasWei: "1500000000",
      call,
    })),
  });
  const sent = await activities.broadcastTransactions({ chainId, address, items: signed });
  expect(sent.items.map(({ result }) => result)).toEqual(["known", "known", "known"]);
  await waitUntil(
    async () => (await port.account(address)).latestNonce === prepared.account.latestNonce + 3,
    { what: "three blocks" },
  );
  const { items } = await activities.readReceipts({
    chainId,
    items: signed.map(({ nonce, hash }, at) => ({
      nonce,
      hashes: [hash],
      call: calls[at] ?? null,
    })),
  });
  expect(items.map(({ receipt }) => receipt?.status)).toEqual(["success", "success", "success"]);
  expect(new Set(items.map(({ receipt }) => receipt?.stakeId)).size).toBe(3);
});
