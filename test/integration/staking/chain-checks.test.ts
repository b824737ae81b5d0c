import { encodeFunctionData } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import type { StakingChain as ChainPort } from "../../../src/activities/staking/ports.ts";
import { readArtifact } from "../../../src/dev/staking/contract-artifacts.ts";
import { testAddress } from "../../../src/dev/staking/deploy-contracts.ts";
import { createTestUser } from "../../../src/dev/staking/test-user.ts";
import { parseStakeCall } from "../../../src/domain/staking/parse-stake-call.ts";
import { classifyRevert } from "../../../src/domain/staking/revert-class.ts";
import type { CheckVerdict, StakeCall } from "../../../src/domain/staking/stake-call.ts";
import { callEncoder } from "../../../src/staking/contract.ts";
import { startNodeProxy } from "../../support/node-proxy.ts";
import { openStakingActivities } from "../../support/staking-activities.ts";
import { oneDip, type StakingChain, startStakingChain } from "../../support/staking-chain.ts";

type Hex = `0x${string}`;

const rangeShape = z.object({ fromBlock: z.string(), toBlock: z.string() });
const refused = (code: string, mayBeAskedAgain = false) =>
  expect.objectContaining({
    kind: "refused",
    reason: expect.objectContaining({ code }),
    mayBeAskedAgain,
  });
const waiting = (code: string, whom: string) =>
  expect.objectContaining({
    kind: "wait",
    reason: expect.objectContaining({ code }),
    for: whom,
  });

/** Calldata with which anybody uses a signature up at the helper, and nothing is staked. */
function burningOf(call: StakeCall): Hex {
  if (call.kind !== "stake") throw new Error("no stake");
  const { owner, target, dipAmount, signatureId, signature } = call;
  return encodeFunctionData({
    abi: readArtifact("StakingMessageHelper").abi,
    functionName: "processStakeSignature",
    args: [owner, BigInt(target), BigInt(dipAmount), signatureId, signature],
  });
}

describe("what a look at the chain says, before any gas", () => {
  let chain: StakingChain;
  let port: ChainPort;
  beforeAll(async () => {
    chain = await startStakingChain();
    ({ port } = await openStakingActivities(chain));
  });
  afterAll(() => chain.stop());

  const check = async (call: StakeCall): Promise<CheckVerdict | undefined> => {
    const { address } = chain.signer;
    const before = await port.account(address);
    const [verdict] = await port.checkCalls([call], address);
    const after = await port.account(address);
    expect([after.latestNonce, after.balanceWei]).toEqual([before.latestNonce, before.balanceWei]);
    return verdict;
  };
  const stakeOf = (amount = oneDip) =>
    chain.users[0].signStake({ target: chain.targets[0], dipAmount: amount });
  /** Sends a request from the account of anybody and gives its stake. */
  const stakeOnChain = async (call: StakeCall, from: Hex = chain.signer.address) => {
    const hash = await sendCalldata(from, chain.contracts.stakingAddress, callEncoder.encode(call));
    const [receipt] = await port.receipts([{ hashes: [hash], call }]);
    return { hash, stakeId: receipt?.stakeId ?? "" };
  };
  const sendCalldata = async (from: Hex, to: Hex, data: Hex): Promise<Hex> => {
    const hash = await chain.rpc("eth_sendTransaction", [{ from, to, data, gas: "0x1e8480" }]);
    await chain.untilMined(hash);
    return `0x${String(hash).slice(2)}`;
  };

  /** Makes two calls: calldata is one address, the length of its data, the other address, and both data. */
  async function deployForwarder(): Promise<Hex> {
    const code =
      "6020358060606000376000600082600060006000355af15060600180360380826000376000600082600060006040355af100";
    const data = `0x6032600c60003960326000f3${code}`;
    const hash = await chain.rpc("eth_sendTransaction", [{ from: chain.stranger.address, data }]);
    const receipt = await chain.untilMined(hash);
    const address = JSON.stringify(receipt).match(/"contractAddress":"(0x[0-9a-f]{40})"/)?.[1];
    return `0x${address?.slice(2) ?? ""}`;
  }

  /** The same signature in another form, as the contract and as we judge it. */
  const inForm = async (change: (digits: string) => string) => {
    const call = await stakeOf();
    const signature: Hex = `0x${change(call.signature.slice(2))}`;
    const changed = { ...call, signature };
    const transaction = {
      from: chain.signer.address,
      to: chain.contracts.stakingAddress,
      data: callEncoder.encode(changed),
    };
    const contractSays = await chain.rpc("eth_call", [transaction]).then(
      () => "success",
      (error: unknown) => classifyRevert(String(error)).reason.code,
    );
    return { changed, contractSays };
  };

  test("a good request is ready, at a fifth more gas than estimated", async () => {
    const call = await stakeOf();
    const transaction = {
      from: chain.signer.address,
      to: chain.contracts.stakingAddress,
      data: callEncoder.encode(call),
    };
    const estimate = Number(await chain.rpc("eth_estimateGas", [transaction]));
    expect(await check(call)).toEqual({
      kind: "ready",
      gasLimit: String(Math.floor(estimate * 1.2)),
    });
  });

  describe("2. each row of the table gets its class, without a transaction:", () => {
    test("another key", async () => {
      const call = { ...(await stakeOf()), owner: chain.users[1].address };
      expect(await check(call)).toEqual(refused("SIGNATURE_INVALID"));
    });

    test("a changed amount", async () => {
      const call = await stakeOf();
      if (call.kind !== "stake") throw new Error("no stake");
      expect(await check({ ...call, dipAmount: "7" })).toEqual(refused("SIGNATURE_INVALID"));
    });

    test("a signature of another domain", async () => {
      const { stakingAddress } = chain.contracts;
      const elsewhere = createTestUser(3, { messageHelperAddress: stakingAddress });
      const call = await elsewhere.signStake({ target: chain.targets[0], dipAmount: oneDip });
      expect(await check(call)).toEqual(refused("SIGNATURE_INVALID"));
    });

    test("amount 0", async () => {
      expect(await check(await stakeOf(0n))).toEqual(refused("STAKING_AMOUNT_ZERO"));
    });

    test("an unknown target", async () => {
      const call = await chain.users[0].signStake({ target: "999", dipAmount: oneDip });
      expect(await check(call)).toEqual(refused("TARGET_UNKNOWN"));
    });

    test("no DIP", async () => {
      const call = await chain.stranger.signStake({ target: chain.targets[0], dipAmount: oneDip });
      expect(await check(call)).toEqual(waiting("DIP_BALANCE_INSUFFICIENT", "user"));
    });

    test("no allowance", async () => {
      const user = createTestUser(7, chain.contracts);
      await chain.contracts.giveDip(user.address, oneDip);
      const call = await user.signStake({ target: chain.targets[0], dipAmount: oneDip });
      expect(await check(call)).toEqual(waiting("DIP_ALLOWANCE_INSUFFICIENT", "user"));
      await chain.contracts.approveDip(user.address, oneDip);
      expect(await check(call)).toMatchObject({ kind: "ready" });
    });

    test("a closed bundle", async () => {
      const target = await chain.contracts.addBundle();
      await chain.contracts.closeBundle(target);
      const call = await chain.users[0].signStake({ target, dipAmount: oneDip });
      expect(await check(call)).toEqual(refused("STAKING_NOT_SUPPORTED", true));
    });

    test("an expired bundle", async () => {
      const target = await chain.contracts.addBundle({ lifetimeSeconds: 60 });
      await chain.contracts.accounts.advanceTime(120);
      const call = await chain.users[0].signStake({ target, dipAmount: oneDip });
      expect(await check(call)).toEqual(refused("STAKING_NOT_SUPPORTED", true));
    });

    test("a restake while the old bundle is active waits for its date", async () => {
      const { stakeId } = await stakeOnChain(await stakeOf());
      const call = await chain.users[0].signRestake({ stakeId, target: chain.targets[1] });
      const { lockedUntil } = await chain.contracts.stakeInfo(stakeId);
      expect(await check(call)).toEqual({
        kind: "wait",
        reason: { code: "UNSTAKING_NOT_SUPPORTED", message: "The stake is still locked." },
        for: "date",
        notBefore: new Date(lockedUntil * 1000).toISOString(),
      });
    });

    test("a restake to a bundle that is not active", async () => {
      const { contracts, users } = chain;
      const from = await contracts.addBundle({ lifetimeSeconds: 60 });
      const { stakeId } = await stakeOnChain(
        await users[0].signStake({ target: from, dipAmount: oneDip }),
      );
      await contracts.accounts.advanceTime(120);
      const to = await contracts.addBundle();
      await contracts.closeBundle(to);
      const call = await users[0].signRestake({ stakeId, target: to });
      expect(await check(call)).toEqual(refused("RESTAKING_NOT_SUPPORTED", true));
    });

    test("rewards that the reserves do not cover", async () => {
      const { contracts, users, targets } = chain;
      await contracts.setRewardRate(125);
      const from = await contracts.addBundle({ lifetimeSeconds: 60 });
      const call = await users[0].signStake({ target: from, dipAmount: 1000n * oneDip });
      const { stakeId } = await stakeOnChain(call);
      await contracts.accounts.advanceTime(3600);
      const restake = await users[0].signRestake({ stakeId, target: targets[1] });
      expect(await check(restake)).toEqual(waiting("REWARD_RESERVES_INSUFFICIENT", "chain"));
      await contracts.refillRewards(100n * oneDip);
      expect(await check(restake)).toMatchObject({ kind: "ready" });
    });

    test("a stake that does not exist", async () => {
      const call = await chain.users[0].signRestake({ stakeId: "12345", target: chain.targets[1] });
      expect(await check(call)).toEqual(refused("STAKE_UNKNOWN"));
    });

    test("a contract without its reward helper, which says nothing", async () => {
      const owner = testAddress(0);
      const to = { address: chain.contracts.stakingAddress, abi: readArtifact("StakingV03").abi };
      const snapshot = await chain.rpc("evm_snapshot");
      const args = [chain.stranger.address];
      await chain.contracts.accounts.send(owner, { to, name: "setRewardHelper", args });
      expect(await check(await stakeOf())).toEqual(waiting("REVERTED_WITHOUT_REASON", "chain"));
      await chain.rpc("evm_revert", [snapshot]);
    });
  });

  test("3. a restake of somebody else's stake is refused, though the contract would do it", async () => {
    const { contracts, users } = chain;
    const from = await contracts.addBundle({ lifetimeSeconds: 60 });
    const target = await contracts.addBundle();
    const [victim, thief] = users;
    const call = await victim.signStake({ target: from, dipAmount: oneDip });
    const { stakeId } = await stakeOnChain(call);
    await contracts.refillRewards(oneDip);
    await contracts.accounts.advanceTime(120);
    const theft = await thief.signRestake({ stakeId, target });

    expect(await check(theft)).toEqual(refused("NOT_STAKE_OWNER"));
    // Only a check of ours stands between: by itself the contract moves the stake to the thief.
    const data = callEncoder.encode(theft);
    const transaction = { from: chain.signer.address, to: contracts.stakingAddress, data };
    expect(await chain.rpc("eth_call", [transaction])).toBe("0x");
    expect(await check(await victim.signRestake({ stakeId, target }))).toMatchObject({
      kind: "ready",
    });
  });

  describe("4. a used signature is looked up:", () => {
    test("our own transaction", async () => {
      const call = await stakeOf();
      const { hash, stakeId } = await stakeOnChain(call);
      expect(await check(call)).toEqual(waiting("SIGNATURE_USED", "chain"));
      await chain.mine(3);
      expect(await check(call)).toEqual({
        kind: "fulfilled",
        transactionHash: hash,
        stakeId,
        byUs: true,
      });
    });

    test("our own restake", async () => {
      const { contracts, users } = chain;
      const from = await contracts.addBundle({ lifetimeSeconds: 60 });
      const target = await contracts.addBundle();
      const { stakeId } = await stakeOnChain(
        await users[0].signStake({ target: from, dipAmount: oneDip }),
      );
      await contracts.refillRewards(oneDip);
      await contracts.accounts.advanceTime(120);
      const call = await users[0].signRestake({ stakeId, target });
      const restaked = await stakeOnChain(call);
      await chain.mine(3);
      expect(await check(call)).toMatchObject({
        kind: "fulfilled",
        transactionHash: restaked.hash,
        stakeId: restaked.stakeId,
      });
    });

    test("served by a stranger, in between others of the same owner, target and amount", async () => {
      await stakeOnChain(await stakeOf());
      const call = await stakeOf();
      const { hash, stakeId } = await stakeOnChain(call, chain.stranger.address);
      await stakeOnChain(await stakeOf());
      await chain.mine(3);
      const found = { kind: "fulfilled", transactionHash: hash, stakeId, byUs: false };
      expect(await check(call)).toEqual(found);

      // A provider that keeps no old states and looks through few blocks at once is asked often.
      await chain.mine(100);
      let asked = 0;
      const proxy = await startNodeProxy(chain.url, ({ method, params: [filter, , at] }) => {
        if (method === "eth_getStorageAt" && String(at).startsWith("0x")) {
          return { error: { code: -32_000, message: "missing trie node" } };
        }
        if (method !== "eth_getLogs") return undefined;
        asked += 1;
        const { fromBlock, toBlock } = rangeShape.parse(filter);
        return Number(toBlock) - Number(fromBlock) < 40
          ? undefined
          : { error: { code: -32005, message: "query exceeds max block range 40" } };
      });
      const { port: limited } = await openStakingActivities(chain, { urls: [proxy.url] });
      const verdicts = await limited.checkCalls([call], chain.signer.address);
      expect(verdicts).toEqual([found]);
      expect(asked).toBeGreaterThan(4);
      await proxy.stop();
    });

    test("served through a contract of somebody's, which burned another one in passing", async () => {
      const [served, burned] = [await stakeOf(), await stakeOf()];
      const { stakingAddress, messageHelperAddress } = chain.contracts;
      const burning = burningOf(burned).slice(2);
      const data: Hex = `0x${[
        messageHelperAddress.slice(2).padStart(64, "0"),
        (burning.length / 2).toString(16).padStart(64, "0"),
        stakingAddress.slice(2).padStart(64, "0"),
        burning,
        callEncoder.encode(served).slice(2),
      ].join("")}`;
      const hash = await sendCalldata(chain.stranger.address, await deployForwarder(), data);
      await chain.mine(3);
      expect(await check(served)).toMatchObject({
        kind: "fulfilled",
        transactionHash: hash,
        byUs: false,
      });
      // Its bytes stand beside a stake of the same owner, target and amount, and it was not served.
      expect(await check(burned)).toEqual({ kind: "burned", transactionHash: null });
    });

    test("burned by a stranger: nothing was staked", async () => {
      const call = await stakeOf();
      const { messageHelperAddress } = chain.contracts;
      await sendCalldata(chain.stranger.address, messageHelperAddress, burningOf(call));
      expect(await check(call)).toEqual(waiting("SIGNATURE_USED", "chain"));
      await chain.mine(3);
      expect(await check(call)).toEqual({ kind: "burned", transactionHash: null });
    });

    test("used in a block that a reorg takes back: nothing was told in vain", async () => {
      const call = await stakeOf();
      await stakeOnChain(call, chain.stranger.address);
      expect(await check(call)).toEqual(waiting("SIGNATURE_USED", "chain"));
      await chain.rpc("anvil_reorg", [1, []]);
      expect(await check(call)).toMatchObject({ kind: "ready" });
    });

    test("final is what the configured confirmations say", async () => {
      const { port: deep } = await openStakingActivities(chain, { confirmations: 5 });
      const call = await stakeOf();
      await stakeOnChain(call);
      await chain.mine(4);
      const look = async () => (await deep.checkCalls([call], chain.signer.address))[0];
      expect(await look()).toEqual(waiting("SIGNATURE_USED", "chain"));
      await chain.mine();
      expect(await look()).toMatchObject({ kind: "fulfilled", byUs: true });
    });
  });

  describe("5. the one form of a signature:", () => {
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    test("v 0 and 1, which the contract refuses, become 27 and 28", async () => {
      const { changed, contractSays } = await inForm(
        (digits) => `${digits.slice(0, 128)}${digits.endsWith("1b") ? "00" : "01"}`,
      );
      expect(contractSays).toBe("SIGNATURE_MALFORMED");
      const parsed = parseStakeCall(changed);
      if (parsed.kind !== "parsed") throw new Error("refused");
      expect(await check(parsed.call)).toMatchObject({ kind: "ready" });
    });

    test.each([
      ["64 bytes", (digits: string) => digits.slice(0, 128), "SIGNATURE_COMPACT"],
      [
        "a high s",
        (digits: string) =>
          digits.slice(0, 64) +
          (order - BigInt(`0x${digits.slice(64, 128)}`)).toString(16).padStart(64, "0") +
          (digits.endsWith("1b") ? "1c" : "1b"),
        "SIGNATURE_HIGH_S",
      ],
      ["r = s = 0", () => `${"00".repeat(64)}1b`, "SIGNATURE_EMPTY"],
    ])("%s is refused here, as the contract would", async (_what, change, code) => {
      const { changed, contractSays } = await inForm(change);
      expect(contractSays).toBe("SIGNATURE_MALFORMED");
      expect(parseStakeCall(changed)).toMatchObject({ kind: "refused", reasons: [{ code }] });
      expect(await check(changed)).toEqual(refused(code));
    });
  });

  test("many requests are looked at in one go, each for itself", async () => {
    const [user] = chain.users;
    const good = await stakeOf();
    const calls = [
      { ...good, owner: chain.users[1].address },
      good,
      await stakeOf(0n),
      await user.signStake({ target: chain.targets[1], dipAmount: 2n }),
    ];
    const verdicts = await port.checkCalls(calls, chain.signer.address);
    expect(verdicts.map(({ kind }) => kind)).toEqual(["refused", "ready", "refused", "ready"]);
  });

  test("a signature for a helper that came later counts", async () => {
    const { contracts } = chain;
    const snapshot = await chain.rpc("evm_snapshot");
    const helper = await contracts.accounts.deploy(testAddress(0), "StakingMessageHelper");
    const to = { address: contracts.stakingAddress, abi: readArtifact("StakingV03").abi };
    const args = [helper.address];
    await contracts.accounts.send(testAddress(0), { to, name: "setMessageHelper", args });
    const key = privateKeyToAccount(`0x${"17".repeat(32)}`);
    await contracts.giveDip(`0x${key.address.slice(2).toLowerCase()}`, oneDip);
    const user = createTestUser(key, { messageHelperAddress: helper.address });
    const call = await user.signStake({ target: chain.targets[0], dipAmount: oneDip });
    expect(await check(call)).toEqual(waiting("DIP_ALLOWANCE_INSUFFICIENT", "user"));
    await chain.rpc("evm_revert", [snapshot]);
  });
});
