import { encodeFunctionData } from "viem";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readArtifact } from "../../../src/dev/staking/contract-artifacts.ts";
import type { StakeCall } from "../../../src/domain/staking/stake-call.ts";
import { oneDip } from "../../support/staking-chain.ts";
import { type SignerDesk, startSignerDesk } from "./signer-desk.ts";

// One signer, one chain: each test begins where nothing is open and ends so.

let desk: SignerDesk;
beforeAll(async () => {
  desk = await startSignerDesk();
});
afterAll(() => desk.stop());

const signStake = (): Promise<StakeCall> =>
  desk.chain.users[0].signStake({ target: desk.chain.targets[0], dipAmount: oneDip });
const staked = () => desk.chain.contracts.stakedOn(desk.chain.targets[0]);
const untilMined = () => desk.untilSigner(({ slots }) => slots.at(-1)?.stage === "mined");

/** Calldata with which anybody uses a signature up at the helper, and nothing is staked. */
function burningOf(call: StakeCall): string {
  if (call.kind !== "stake") throw new Error("no stake");
  const { owner, target, dipAmount, signatureId, signature } = call;
  return encodeFunctionData({
    abi: readArtifact("StakingMessageHelper").abi,
    functionName: "processStakeSignature",
    args: [owner, BigInt(target), BigInt(dipAmount), signatureId, signature],
  });
}

describe("a signer and the chain", () => {
  test.each([1, 2])(
    "32. a reorg of depth %i before finality: the same bytes again, one stake",
    async (depth) => {
      const [nonce, before] = [await desk.nonceOfChain(), await staked()];
      const request = await desk.ask(await signStake());
      const { slots } = await desk.untilSent();
      const hash = slots[0]?.transactionHash;
      await desk.chain.mine(depth);
      const { counts } = await untilMined();
      await desk.chain.rpc("anvil_reorg", [depth, []]);
      expect(await desk.nonceOfChain()).toBe(nonce);

      await desk.untilSigner((status) => status.counts.reorgs === counts.reorgs + 1);
      const { status } = await desk.finish(request);

      expect(status).toMatchObject({ state: "succeeded", nonce, transactionHash: hash });
      expect(await staked()).toBe(before + oneDip);
      expect(await desk.nonceOfChain()).toBe(nonce + 1);
    },
  );

  test("33. a reorg in which a stranger burns the signature: one revert, nothing staked, and the user is told to sign again", async () => {
    const [nonce, before] = [await desk.nonceOfChain(), await staked()];
    await desk.setPolicy({ rebroadcastAfterMs: 3_600_000 });
    const call = await signStake();
    const request = await desk.ask(call);
    await desk.untilSent();
    await desk.chain.mine();
    await untilMined();
    const { address } = desk.chain.stranger;
    await desk.chain.rpc("eth_sendTransaction", [
      {
        from: address,
        to: desk.chain.contracts.messageHelperAddress,
        data: burningOf(call),
        gas: "0x100000",
        // Before ours in the new block.
        maxPriorityFeePerGas: "0x2540be400",
        maxFeePerGas: "0x6fc23ac00",
      },
    ]);
    await desk.chain.rpc("anvil_reorg", [1, []]);
    await desk.chain.mine();

    const { failedAs, status } = await desk.finish(request);
    await desk.setPolicy({});

    expect(failedAs).toBeNull();
    expect(status).toMatchObject({
      state: "signature_burned",
      nonce: null,
      gasUsed: null,
      revertedTransaction: { nonce },
    });
    expect(status.transactionHash).not.toBe(status.revertedTransaction?.transactionHash);
    expect(await staked()).toBe(before);
    expect(await desk.nonceOfChain()).toBe(nonce + 1);
  });

  test("34. a foreign transaction with our key takes the nonce: an alarm, then a second nonce, one stake", async () => {
    const [nonce, before] = [await desk.nonceOfChain(), await staked()];
    await desk.setPolicy({ rebroadcastAfterMs: 3_600_000 });
    const request = await desk.ask(await signStake());
    const { counts } = await desk.untilSent();
    const { address } = desk.chain.signer;
    await desk.chain.rpc("eth_sendTransaction", [
      {
        from: address,
        to: address,
        nonce: `0x${nonce.toString(16)}`,
        gas: "0x5208",
        maxPriorityFeePerGas: "0x2540be400",
        maxFeePerGas: "0x6fc23ac00",
      },
    ]);
    await desk.chain.mine();

    const alarmed = await desk.untilSigner(({ standsStill }) => standsStill === "foreign_nonce");
    expect(alarmed.alarms).toEqual([expect.stringContaining(`nonce ${nonce}`)]);
    const { status } = await desk.finish(request);
    await desk.setPolicy({});

    expect(status).toMatchObject({ state: "succeeded", nonce: nonce + 1 });
    expect(await staked()).toBe(before + oneDip);
    expect(await desk.nonceOfChain()).toBe(nonce + 2);
    const ended = await desk.untilSigner(({ standsStill }) => standsStill === null);
    expect(ended.counts.foreignNonces).toBe(counts.foreignNonces + 1);
  });

  test("35. mined out of gas: nothing is sent again by itself, exactly one transaction", async () => {
    const [nonce, before] = [await desk.nonceOfChain(), await staked()];
    desk.gasFactor = 0.6;
    const request = await desk.ask(await signStake());
    const { failedAs, status } = await desk.finish(request);
    desk.gasFactor = 1;

    expect(failedAs).toBe("reverted");
    expect(status).toMatchObject({ state: "reverted", nonce, reason: { code: "OUT_OF_GAS" } });
    await desk.chain.mine(5);
    expect(await desk.nonceOfChain()).toBe(nonce + 1);
    expect(await staked()).toBe(before);
  });

  test("after all that the next request has the next nonce and lands", async () => {
    const nonce = await desk.nonceOfChain();
    const { status } = await desk.finish(await desk.ask(await signStake()));
    expect(status).toMatchObject({ state: "succeeded", nonce });
  });
});
