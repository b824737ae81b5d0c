import { setTimeout as sleep } from "node:timers/promises";
import { createPublicClient, webSocket } from "viem";
import { waitUntil } from "../../src/dev/wait-until.ts";
import type { StakeCall } from "../../src/domain/staking/stake-call.ts";
import { type Bench, type Benchmark, median, percentile } from "../benchmark.ts";
import { submitOneAtATime } from "../support/one-at-a-time.ts";
import { type StakingChain, startStakingChain } from "../support/staking-chain.ts";
import { type StakingStack, startStakingStack } from "../support/staking-stack.ts";

/** Accounts 2 and 7 of anvil's mnemonic: one sends ours, the other the baseline's. */
const signer = {
  address: "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc",
  privateKey: "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
} as const;
const baselineKey = "0x4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356";
const latencyLimitMs = 500;
const requestsPerSecond = 2;
const patienceMs = 120_000;
/** Handed in and not mined: what is in flight, and enough behind it that nothing waits for new ones. */
const openAtOnce = 64;

/** Feeless staking: many transactions in flight against one at a time, on a chain that mines a block a second. */
export const staking: Benchmark = {
  name: "staking",
  about:
    "mined requests/s, 16 in flight, 1 s blocks, over those of one at a time (estimate, send, wait for a confirmation)",
  unit: "requests/s",
  target: 10,
  lowerIsBetter: false,
  async measure(bench) {
    const sizes = bench.isQuick
      ? { baseline: 5, burst: 60, paced: 10 }
      : { baseline: 20, burst: 200, paced: 60 };
    const warmUp = 16;
    const perRun = sizes.baseline + sizes.burst;
    const chain = await startStakingChain(bench, bench.runs * perRun + sizes.paced + warmUp);
    const stack = await startStakingStack(bench, chain, signer);
    await submitBurst(stack, chain, await chain.sign(warmUp));
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let run = 1; run <= bench.runs; run += 1) {
      const calls = await chain.sign(sizes.baseline);
      theirs.push(calls.length / (await submitOneAtATime(chain, calls, baselineKey)));
      const burst = await submitBurst(stack, chain, await chain.sign(sizes.burst));
      ours.push(burst.perSecond);
      bench.say(`run ${run}: ${burst.perSecond.toFixed(2)}/s, one at a time ${theirs.at(-1)}/s`);
    }
    const latencies = await submitPaced(bench, stack, chain, await chain.sign(sizes.paced));
    return {
      ratio: median(ours) / median(theirs),
      values: ours,
      also: [
        {
          name: `ms from accepted to seen in the node's pool, p95, ${requestsPerSecond} requests/s`,
          value: percentile(latencies, 0.95),
          target: latencyLimitMs,
          lowerIsBetter: true,
        },
      ],
      detail: {
        oneAtATimePerSecond: theirs,
        requestsPerBurst: sizes.burst,
        acceptedToBroadcastMs: {
          p50: percentile(latencies, 0.5),
          p95: percentile(latencies, 0.95),
          max: Math.max(...latencies),
        },
        ceiling:
          "16 in flight and 1 s blocks: 16/s; the dev server: 75 activities/s in one workflow, 128/s in many, about 50 small workflows/s, measured on 2 idle cores",
      },
    };
  },
};

/** Hands in as many as wait at most. @returns How fast they were mined, from the first submission to the last block. */
async function submitBurst(stack: StakingStack, chain: StakingChain, calls: readonly StakeCall[]) {
  const readStakes = await chain.watchStakes();
  const startedAt = Date.now();
  let submitted = 0;
  const mined = await waitUntil(
    async () => {
      const stakes = ofThese(await readStakes(), calls);
      const next = calls.slice(submitted, stakes.length + openAtOnce);
      submitted += next.length;
      await Promise.all(next.map((call) => stack.submit(call)));
      return stakes.length >= calls.length ? stakes : undefined;
    },
    { what: `${calls.length} requests to be mined`, timeoutMs: patienceMs, everyMs: 50 },
  );
  if (mined.length > calls.length) throw new Error(`${mined.length} for ${calls.length} requests`);
  return { perSecond: (calls.length * 1000) / (Date.now() - startedAt) };
}

function ofThese<Stake extends { readonly input: string }>(
  stakes: readonly Stake[],
  calls: readonly StakeCall[],
): Stake[] {
  const signatures = calls.map(({ signature }) => signature.slice(2));
  return stakes.filter(({ input }) => signatures.some((signature) => input.includes(signature)));
}

/** Hands in some a second. @returns For each, ms from its acceptance to its transaction in the node's pool. */
async function submitPaced(
  { say }: Bench,
  stack: StakingStack,
  chain: StakingChain,
  calls: readonly StakeCall[],
): Promise<number[]> {
  const node = createPublicClient({ transport: webSocket(chain.url.replace("http", "ws")) });
  const seenAt = new Map<string, number>();
  const stopWatching = node.watchPendingTransactions({
    poll: false,
    onTransactions: (hashes) => {
      for (const hash of hashes) if (!seenAt.has(hash)) seenAt.set(hash, Date.now());
    },
  });
  const readStakes = await chain.watchStakes();
  const acceptedAt: number[] = [];
  const startedAt = Date.now();
  for (const [index, call] of calls.entries()) {
    await sleep(startedAt + (index * 1000) / requestsPerSecond - Date.now());
    acceptedAt.push(await stack.submit(call).then(Date.now));
  }
  const stakes = await waitUntil(
    async () => {
      const mined = ofThese(await readStakes(), calls);
      return mined.length >= calls.length ? mined : undefined;
    },
    { what: "the paced requests to be mined", timeoutMs: patienceMs, everyMs: 200 },
  );
  stopWatching();
  const latencies = calls.flatMap(({ signature }, index) => {
    const stake = stakes.find(({ input }) => input.includes(signature.slice(2)));
    const seen = seenAt.get(stake?.hash ?? "");
    return seen === undefined ? [] : [Math.max(0, seen - (acceptedAt[index] ?? 0))];
  });
  if (latencies.length < calls.length) say(`${latencies.length} of ${calls.length} were seen`);
  return latencies;
}
