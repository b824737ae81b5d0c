import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StakeCall } from "../../../src/domain/staking/stake-call.ts";
import { openStakingActivities } from "../../support/staking-activities.ts";
import { oneDip, type StakingChain, startStakingChain } from "../../support/staking-chain.ts";

const year = 365 * 24 * 3600;

describe("a signed request becomes one transaction", () => {
  let chain: StakingChain;
  beforeAll(async () => {
    chain = await startStakingChain();
  });
  afterAll(() => chain.stop());

  /** Prepares, signs, broadcasts and reads the receipt, as the signer workflow does for one request. */
  async function sendOnce(call: StakeCall) {
    const { activities } = await openStakingActivities(chain);
    const { chainId } = chain;
    const { address } = chain.signer;
    const prepared = await activities.prepareCalls({
      chainId,
      address,
      items: [{ requestId: "stake/1", call }],
    });
    const verdict = prepared.items[0]?.verdict;
    if (verdict?.kind !== "ready") throw new Error(`not ready: ${JSON.stringify(verdict)}`);
    const { items: signed } = await activities.signTransactions({
      chainId,
      address,
      items: [
        {
          nonce: prepared.account.latestNonce,
          gasLimit: verdict.gasLimit,
          maxFeePerGasWei: "30000000000",
          maxPriorityFeePerGasWei: "1500000000",
          call,
        },
      ],
    });
    const sent = await activities.broadcastTransactions({ chainId, address, items: signed });
    expect(sent.items.map(({ result }) => result)).toEqual(["known"]);
    for (const { hash } of signed) await chain.untilMined(hash);
    const { items } = await activities.readReceipts({
      chainId,
      items: signed.map(({ nonce, hash }) => ({ nonce, hashes: [hash], call })),
    });
    const receipt = items[0]?.receipt;
    if (!receipt) throw new Error("no receipt");
    return { receipt, verdict };
  }

  test("1. stake and restake succeed; DIP and getInfo are exact", async () => {
    const { contracts, users, targets } = chain;
    const [user] = users;
    await contracts.setRewardRate(125);
    await contracts.refillRewards(10_000n * oneDip);
    const before = await contracts.dipBalance(user.address);
    const amount = 5000n * oneDip;
    const staked = await sendOnce(await user.signStake({ target: targets[0], dipAmount: amount }));

    expect(staked.receipt).toMatchObject({ status: "success", verdict: null });
    const stakeId = staked.receipt.stakeId ?? "";
    expect(await contracts.stakeInfo(stakeId)).toMatchObject({
      id: BigInt(stakeId),
      target: BigInt(targets[0]),
      stakeBalance: amount,
      rewardBalance: 0n,
    });
    expect(await contracts.dipBalance(user.address)).toBe(before - amount);
    expect(await contracts.stakedOn(targets[0])).toBe(amount);
    // A fifth above the estimate, and the transaction fits into it.
    expect(Number(staked.verdict.gasLimit)).toBeGreaterThan(Number(staked.receipt.gasUsed));

    const { createdAt, lockedUntil } = await contracts.stakeInfo(stakeId);
    await contracts.accounts.advanceTime(lockedUntil - createdAt + 60);
    const target = await contracts.addBundle({ lifetimeSeconds: year });
    const restaked = await sendOnce(await user.signRestake({ stakeId, target }));

    const newId = restaked.receipt.stakeId ?? "";
    expect(newId).not.toBe(stakeId);
    expect(await contracts.stakeInfo(stakeId)).toMatchObject({ stakeBalance: 0n });
    const moved = await contracts.stakeInfo(newId);
    expect(moved).toMatchObject({ target: BigInt(target), rewardBalance: 0n });
    const seconds = (await contracts.accounts.now()) - createdAt;
    const rewards = Number(moved.stakeBalance - amount) / Number(oneDip);
    expect(rewards).toBeCloseTo((5000 * 0.125 * seconds) / year, 0);
    expect(await contracts.stakedOn(targets[0])).toBe(0n);
    expect(await contracts.stakedOn(target)).toBe(moved.stakeBalance);
  });
});
