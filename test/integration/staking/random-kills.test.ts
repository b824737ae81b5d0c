import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRandom } from "../../../src/dev/demo-chain/random.ts";
import { oneDip } from "../../support/staking-chain.ts";
import { closeBooks, openBooks, readSent, sentFor } from "./books.ts";
import { killAtRandom } from "./random-killer.ts";
import { type StakingStack, startStakingStack } from "./staking-stack.ts";

const seed = Number(process.env["STAKING_SEED"] ?? 20_261_124);
const requests = 100;
const kills = 50;
/** A request comes this often at most, so that kills find some on every part of their way. */
const longestPauseMs = 1500;

let stack: StakingStack;
beforeAll(async () => {
  stack = await startStakingStack({ users: requests, env: { STAKING_MAX_IN_FLIGHT: "16" } });
  await Promise.all([stack.startWorker("stake"), stack.startWorker("sign")]);
});
afterAll(() => stack.stop());

test(`18. ${kills} kills of all workers at random under ${requests} requests: none lost, none double, no gap, the gas of one each (seed ${seed})`, async () => {
  const books = await openBooks(stack);
  const random = createRandom(seed, 1);
  const [target] = stack.chain.targets;
  const calls = await Promise.all(
    Array.from({ length: requests }, () =>
      stack.nextUser().signStake({ target, dipAmount: oneDip }),
    ),
  );
  const submitAll = async () => {
    const ids: string[] = [];
    for (const call of calls) {
      await sleep(random.between(0, longestPauseMs));
      ids.push(await stack.submit(call));
    }
    return ids;
  };
  const [ids] = await Promise.all([submitAll(), killAtRandom(stack, createRandom(seed, 2), kills)]);
  const statuses = [];
  for (const id of ids) statuses.push(await stack.untilFinal(id, 300_000));

  expect(statuses.filter(({ state }) => state !== "succeeded")).toEqual([]);
  const sent = await readSent(stack, books);
  expect(calls.filter((call) => sentFor(sent, call).length !== 1)).toEqual([]);
  expect(await closeBooks(stack, books)).toEqual({
    transactions: requests,
    reverted: 0,
    nonces: requests,
    unexplainedWei: 0n,
  });
  // A lane that a kill had stopped tries again by itself.
  await expect
    .poll(() => stack.signerStatus(), { timeout: 180_000, interval: 500 })
    .toMatchObject({ queued: 0, inFlight: 0, alarms: [] });
}, 1_800_000);
