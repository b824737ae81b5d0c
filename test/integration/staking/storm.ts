import { setTimeout as sleep } from "node:timers/promises";
import { createRandom, type Random } from "../../../src/dev/demo-chain/random.ts";
import { fundUser } from "../../../src/dev/staking/users-without-ether.ts";
import type { StakeCall } from "../../../src/domain/staking/stake-call.ts";
import type { StakeRequestStatus } from "../../../src/workflows/staking/request-shapes.ts";
import { oneDip } from "../../support/staking-chain.ts";
import { type Books, type ClosedBooks, closeBooks, openBooks, readSent, sentFor } from "./books.ts";
import { killAtRandom } from "./random-killer.ts";
import { dipOfUser, type StakingStack } from "./staking-stack.ts";

// Everything that users, strangers, the chain and the operator do to the service, at once and by a seed; then what the
// chain itself holds is compared with what each request should have come to.

export const kinds = ["valid", "duplicate", "poisoned", "stolen", "starved"] as const;
type Kind = (typeof kinds)[number];
/** Half of them are as they should be. */
const mix = ["valid", "valid", "valid", "valid", ...kinds] as const;

type Planned = {
  readonly kind: Kind;
  readonly call: StakeCall;
  /** What the user does about it, some time later. */
  readonly mend?: () => Promise<void>;
};

export type StormVerdict = {
  readonly seed: number;
  /** Requests that ended in another state than their kind must. */
  readonly wrongEnds: readonly (Pick<StakeRequestStatus, "state" | "reason"> & { kind: Kind })[];
  /** Requests whose transactions on the chain are not as many as their kind must have. */
  readonly wrongTransactions: readonly { readonly kind: Kind; readonly transactions: number }[];
  /** DIP that the contract holds more or less than was signed for, in its smallest unit. */
  readonly unexplainedDip: bigint;
  readonly books: ClosedBooks;
  readonly expectedTransactions: number;
};

export async function runStorm(
  stack: StakingStack,
  options: { readonly seed: number; readonly requests: number; readonly kills: number },
): Promise<StormVerdict> {
  const { seed, requests, kills } = options;
  const stakeId = await matureStake(stack);
  const books = await openBooks(stack);
  const [, target] = stack.chain.targets;
  const stakedBefore = await stack.chain.contracts.stakedOn(target);
  const planned = await plan(stack, { random: createRandom(seed, 1), requests, stakeId, target });
  const weather = new AbortController();
  const storms = badWeather(stack, createRandom(seed, 2), weather.signal);
  const [ids] = await Promise.all([
    submitAll(stack, planned, createRandom(seed, 3)),
    killAtRandom(stack, createRandom(seed, 4), kills),
  ]);
  weather.abort();
  await storms;
  const ends: StakeRequestStatus[] = [];
  for (const id of ids) ends.push(await stack.untilFinal(id, 300_000));
  return compare(stack, { seed, planned, ends, books, target, stakedBefore });
}

/** A stake whose bundle has closed: its owner may move it, and a thief would like to. */
async function matureStake(stack: StakingStack): Promise<string> {
  const [target] = stack.chain.targets;
  const id = await stack.submit(await stack.nextUser().signStake({ target, dipAmount: oneDip }));
  const { stakeId } = await stack.untilFinal(id);
  if (stakeId === null) throw new Error("the first stake has no id");
  await stack.chain.contracts.closeBundle(target);
  return stakeId;
}

async function plan(
  stack: StakingStack,
  run: {
    readonly random: Random;
    readonly requests: number;
    readonly stakeId: string;
    readonly target: string;
  },
): Promise<Planned[]> {
  const { random, stakeId, target } = run;
  const planned: Planned[] = [];
  for (let index = 0; index < run.requests; index += 1) {
    // One of each first, so that a short storm has all of them.
    const kind = kinds[index] ?? random.pick<Kind>(mix);
    const user = stack.nextUser();
    const honest = () => user.signStake({ target, dipAmount: oneDip });
    const tooMuch = dipOfUser + oneDip;
    switch (kind) {
      case "valid":
      case "duplicate":
        planned.push({ kind, call: await honest() });
        break;
      case "poisoned":
        planned.push({ kind, call: { ...(await honest()), target: stack.chain.targets[0] } });
        break;
      case "stolen":
        planned.push({ kind, call: await user.signRestake({ stakeId, target }) });
        break;
      case "starved":
        planned.push({
          kind,
          call: await user.signStake({ target, dipAmount: tooMuch }),
          mend: () => fundInTheEnd(stack, user.address, tooMuch),
        });
    }
  }
  return planned;
}

/** A spike may drop the user's own transaction: then the user sends another. */
async function fundInTheEnd(
  { chain }: StakingStack,
  address: `0x${string}`,
  dipAmount: bigint,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await fundUser(chain.contracts, address, dipAmount);
    } catch (error) {
      if (tries === 5) throw error;
    }
  }
}

async function submitAll(
  stack: StakingStack,
  planned: readonly Planned[],
  random: Random,
): Promise<string[]> {
  const ids: string[] = [];
  const mends: Promise<void>[] = [];
  for (const { kind, call, mend } of planned) {
    await sleep(random.between(0, 1000));
    const times = kind === "duplicate" ? random.between(2, 10) : 1;
    const [id] = await Promise.all(Array.from({ length: times }, () => stack.submit(call)));
    if (id !== undefined) ids.push(id);
    if (mend) mends.push(sleep(random.between(1000, 8000)).then(mend));
  }
  await Promise.all(mends);
  return ids;
}

/** Fees that starve what is in flight, up to twice the cap; a pool that forgets; a node that is away. */
async function badWeather(stack: StakingStack, random: Random, signal: AbortSignal) {
  const { chain, gate } = stack;
  const gwei = 1_000_000_000;
  const kindsOfWeather = {
    spike: () =>
      chain.rpc("anvil_setNextBlockBaseFeePerGas", [
        `0x${(random.between(3, 60) * gwei).toString(16)}`,
      ]),
    drop: () => chain.rpc("anvil_removePoolTransactions", [chain.signer.address]),
    outage: async () => {
      await gate.outage(true);
      await sleep(random.between(500, 3000));
      await gate.outage(false);
    },
  };
  while (!signal.aborted) {
    await sleep(random.between(1000, 5000), undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    await kindsOfWeather[random.pick<keyof typeof kindsOfWeather>(["spike", "drop", "outage"])]();
  }
}

const landing: ReadonlySet<Kind> = new Set<Kind>(["valid", "duplicate", "starved"]);

async function compare(
  stack: StakingStack,
  run: {
    readonly seed: number;
    readonly planned: readonly Planned[];
    readonly ends: readonly StakeRequestStatus[];
    readonly books: Books;
    readonly target: string;
    readonly stakedBefore: bigint;
  },
): Promise<StormVerdict> {
  const { seed, planned, ends } = run;
  const sent = await readSent(stack, run.books);
  const signedDip = planned.reduce(
    (sum, { kind, call }) =>
      landing.has(kind) && call.kind === "stake" ? sum + BigInt(call.dipAmount) : sum,
    0n,
  );
  const stakedNow = await stack.chain.contracts.stakedOn(run.target);
  return {
    seed,
    wrongEnds: planned.flatMap(({ kind }, at) => {
      const { state, reason } = ends[at] ?? { state: "failed" as const, reason: null };
      const wanted = landing.has(kind) ? "succeeded" : "refused";
      return state === wanted ? [] : [{ kind, state, reason }];
    }),
    wrongTransactions: planned.flatMap(({ kind, call }) => {
      const transactions = sentFor(sent, call).length;
      return transactions === (landing.has(kind) ? 1 : 0) ? [] : [{ kind, transactions }];
    }),
    unexplainedDip: stakedNow - run.stakedBefore - signedDip,
    books: await closeBooks(stack, run.books),
    expectedTransactions: planned.filter(({ kind }) => landing.has(kind)).length,
  };
}
