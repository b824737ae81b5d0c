import { afterAll, beforeAll, expect, test } from "vitest";
import { type StakingStack, startStakingStack } from "./staking-stack.ts";
import { runStorm } from "./storm.ts";

// Another seed, and for longer: STAKING_SEED=7 STAKING_REQUESTS=500 npx vitest run test/integration/staking/storm.test.ts
const seed = Number(process.env["STAKING_SEED"] ?? 11);
const requests = Number(process.env["STAKING_REQUESTS"] ?? 36);
const secondsPerRequest = 30;

let stack: StakingStack;
beforeAll(
  async () => {
    stack = await startStakingStack({
      users: requests + 1,
      env: {
        STAKING_MAX_IN_FLIGHT: "8",
        STAKING_BUMP_AFTER_MS: "3000",
        STAKING_REBROADCAST_AFTER_MS: "2000",
      },
    });
    await Promise.all([stack.startWorker("stake"), stack.startWorker("sign")]);
  },
  120_000 + requests * 1000,
);
afterAll(() => stack.stop());

test(
  `valid, duplicate, poisoned, stolen and starved requests, fee spikes, a forgetful pool, outages and kills: the chain holds what was signed, once (seed ${seed})`,
  async () => {
    const kills = Math.ceil(requests / 3);
    const verdict = await runStorm(stack, { seed, requests, kills });
    const transactions = verdict.expectedTransactions;
    expect(verdict).toMatchObject({
      wrongEnds: [],
      wrongTransactions: [],
      unexplainedDip: 0n,
      books: { transactions, reverted: 0, nonces: transactions, unexplainedWei: 0n },
    });
  },
  requests * secondsPerRequest * 1000,
);
