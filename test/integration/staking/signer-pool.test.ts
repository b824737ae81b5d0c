import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import type { StakeCall } from "../../../src/domain/staking/stake-call.ts";
import { oneDip } from "../../support/staking-chain.ts";
import { type SignerDesk, startSignerDesk } from "./signer-desk.ts";

// One signer, one chain: each test begins where nothing is open and ends so.

let desk: SignerDesk;
beforeAll(async () => {
  desk = await startSignerDesk();
});
afterAll(() => desk.stop());

const gwei = 1_000_000_000;
const signStake = (): Promise<StakeCall> =>
  desk.chain.users[0].signStake({ target: desk.chain.targets[0], dipAmount: oneDip });

async function setBaseFee(inGwei: number): Promise<void> {
  const hex = `0x${(inGwei * gwei).toString(16)}`;
  await desk.chain.rpc("anvil_setNextBlockBaseFeePerGas", [hex]);
  await desk.chain.mine();
}

/** Attempts of one nonce as they were signed. */
function attemptsOf(nonce: number) {
  return desk.records.filter((row) => row.nonce === nonce && row.state === "broadcast");
}

async function untilAttempts(nonce: number, count: number) {
  await waitUntil(() => attemptsOf(nonce).length >= count, {
    what: `${count} attempts of nonce ${nonce}`,
  });
  return attemptsOf(nonce);
}

const isKnown = async (hash: string | undefined): Promise<boolean> =>
  (await desk.chain.rpc("eth_getTransactionByHash", [hash])) !== null;

describe("a signer and the pool", () => {
  test("27. a transaction that the pool dropped is sent again, the same bytes", async () => {
    const nonce = await desk.nonceOfChain();
    const request = await desk.ask(await signStake());
    const { slots } = await desk.untilSent();
    const hash = slots[0]?.transactionHash;
    await desk.chain.rpc("anvil_dropTransaction", [hash]);

    await waitUntil(() => isKnown(hash ?? undefined), { what: "it is back" });
    const { status } = await desk.finish(request);

    expect(status).toMatchObject({ state: "succeeded", nonce, transactionHash: hash });
    expect(await untilAttempts(nonce, 1)).toHaveLength(1);
    expect(await desk.nonceOfChain()).toBe(nonce + 1);
  });

  test("28. when the base fee spikes, both fees rise by 10 % or more, and it is mined within the cap", async () => {
    const nonce = await desk.nonceOfChain();
    await desk.setPolicy({ bumpAfterMs: 1000 });
    const request = await desk.ask(await signStake());
    await desk.untilSent();
    await setBaseFee(12);

    const attempts = await untilAttempts(nonce, 2);
    await desk.setPolicy({});
    const { status } = await desk.finish(request);

    expect(status).toMatchObject({ state: "succeeded", nonce });
    for (const [index, { fees }] of attempts.entries()) {
      expect(BigInt(fees.maxFeePerGasWei)).toBeLessThanOrEqual(30n * BigInt(gwei));
      const old = attempts[index - 1]?.fees;
      if (!old) continue;
      for (const name of ["maxFeePerGasWei", "maxPriorityFeePerGasWei"] as const) {
        expect(BigInt(fees[name]) * 100n).toBeGreaterThanOrEqual(BigInt(old[name]) * 110n);
      }
    }
    expect(await desk.nonceOfChain()).toBe(nonce + 1);
  });

  test("29. at the cap: an alarm, no loss, and it is mined as it is when fees fall", async () => {
    const nonce = await desk.nonceOfChain();
    await setBaseFee(1);
    await desk.setPolicy({ bumpAfterMs: 1000, maxFeePerGasWei: String(2 * gwei) });
    const request = await desk.ask(await signStake());
    const before = await desk.untilSent();
    await setBaseFee(25);

    const capped = await desk.untilSigner(
      ({ standsStill, counts }) =>
        standsStill === "fee_cap" && counts.rebroadcasts > before.counts.rebroadcasts,
    );
    expect(capped).toMatchObject({
      slots: [{ nonce, attempts: 1 }],
      alarms: [expect.stringContaining("fee_cap: nonce"), expect.stringContaining("fee_cap")],
    });
    await setBaseFee(1);
    const { status } = await desk.finish(request);
    await desk.setPolicy({});

    const [attempt] = await untilAttempts(nonce, 1);
    expect(status).toMatchObject({ state: "succeeded", transactionHash: attempt?.hash });
    await desk.untilSigner(({ alarms }) => alarms.length === 0);
  });

  test("30. the older attempt is mined after the bump: success, and no second transaction", async () => {
    const nonce = await desk.nonceOfChain();
    await desk.setPolicy({ rebroadcastAfterMs: 3_600_000 });
    const request = await desk.ask(await signStake());
    await desk.untilSent();
    expect(await desk.signer.executeUpdate("bump", { args: [{ nonce }] })).toEqual({
      nonces: [nonce],
    });
    const [older, newer] = await untilAttempts(nonce, 2);
    await waitUntil(() => isKnown(newer?.hash), { what: "the bump is sent" });
    await desk.chain.rpc("anvil_dropTransaction", [newer?.hash]);
    await desk.chain.rpc("eth_sendRawTransaction", [older?.raw]);

    const { status } = await desk.finish(request);
    await desk.setPolicy({});

    expect(status).toMatchObject({ state: "succeeded", nonce, transactionHash: older?.hash });
    expect(await desk.nonceOfChain()).toBe(nonce + 1);
  });

  test.each(["NOOP", "original"])(
    "31. a cancellation races the original, and the %s wins",
    async (winner) => {
      const nonce = await desk.nonceOfChain();
      await desk.setPolicy({ rebroadcastAfterMs: 3_600_000 });
      const request = await desk.ask(await signStake());
      await desk.untilSent();
      await request.signal("cancel");
      const [call, noop] = await untilAttempts(nonce, 2);
      await waitUntil(() => isKnown(noop?.hash), { what: "the NOOP is sent" });
      if (winner === "original") {
        await desk.chain.rpc("anvil_dropTransaction", [noop?.hash]);
        await desk.chain.rpc("eth_sendRawTransaction", [call?.raw]);
      }

      const outcome = await desk.finish(request);
      await desk.setPolicy({});

      expect(outcome).toMatchObject(
        winner === "NOOP"
          ? { failedAs: "cancelled", status: { state: "cancelled", nonce } }
          : { failedAs: null, status: { state: "succeeded", transactionHash: call?.hash } },
      );
      expect(await desk.nonceOfChain()).toBe(nonce + 1);
    },
  );

  test("40. low balance holds new nonces up, and ends by itself when the account is filled up", async () => {
    const nonce = await desk.nonceOfChain();
    const { address } = desk.chain.signer;
    const balance = await desk.chain.rpc("eth_getBalance", [address, "latest"]);
    await desk.chain.rpc("anvil_setBalance", [address, "0xde0b6b3a7640000"]);
    const request = await desk.ask(await signStake());
    const low = await desk.untilSigner(({ standsStill }) => standsStill === "low_balance");
    expect(low).toMatchObject({ queued: 1, inFlight: 0 });

    await desk.chain.rpc("anvil_setBalance", [address, balance]);
    const { status } = await desk.finish(request);

    expect(status).toMatchObject({ state: "succeeded", nonce });
  });
});
