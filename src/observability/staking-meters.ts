import type { MetricMeter } from "@temporalio/common";
import type { StakeMeters } from "../activities/staking/bridge-ports.ts";
import { stakeActivityMetrics as names } from "../domain/staking/metric-names.ts";

const weiPerEther = 1e18;

/** Meters of the staking activities on the SDK's endpoint; those of the signer are its workflow's. */
export function createStakingMeters(meter: MetricMeter): StakeMeters {
  const outcomes = meter.createCounter(
    names.outcomes,
    undefined,
    "Staking requests that came to their end, by state and reason.",
  );
  const entries = meter.createCounter(
    names.streamEntries,
    undefined,
    "Entries of the Redis stream: started, known before, poisoned, postponed.",
  );
  const unacknowledged = meter.createGauge(
    names.streamUnacknowledged,
    "int",
    undefined,
    "Entries of the Redis stream that were delivered and are not acknowledged.",
  );
  const oldest = meter.createGauge(
    names.streamOldest,
    "float",
    undefined,
    "Age of the oldest entry that is not acknowledged; 0 where there is none.",
  );
  const balance = meter.createGauge(
    names.balance,
    "float",
    undefined,
    "Balance of the address that pays for stakes.",
  );
  return {
    stakeOutcome: (chainId, state, reason) =>
      outcomes.add(1, { chain: String(chainId), state, reason }),
    streamEntry: (chainId, result) => entries.add(1, { chain: String(chainId), result }),
    streamQueue(chainId, count, oldestSeconds) {
      unacknowledged.set(count, { chain: String(chainId) });
      oldest.set(oldestSeconds, { chain: String(chainId) });
    },
    signerBalance: (chainId, address, balanceWei) =>
      balance.set(Number(balanceWei) / weiPerEther, { chain: String(chainId), address }),
  };
}
