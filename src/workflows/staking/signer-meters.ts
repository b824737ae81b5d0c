import type { MetricGauge } from "@temporalio/common";
import { metricMeter } from "@temporalio/workflow";
import { signerMetrics } from "../../domain/staking/metric-names.ts";
import { countBetween } from "../../domain/staking/signer-counters.ts";
import type { SignerState } from "../../domain/staking/signer-state.ts";
import type { SignerStatus } from "./signer-shapes.ts";

const gauge = (name: string, description: string): MetricGauge =>
  metricMeter.createGauge(name, "float", undefined, description);

const gauges = {
  queued: gauge(signerMetrics.queued, "Requests that wait for a nonce."),
  oldestQueued: gauge(
    signerMetrics.oldestQueued,
    "How long the oldest of them waits; 0 where none does.",
  ),
  inFlight: gauge(signerMetrics.inFlight, "Transactions broadcast and not mined."),
  nonceLag: gauge(
    signerMetrics.nonceLag,
    "The next nonce minus the account's transaction count at the latest block.",
  ),
  standsStill: gauge(signerMetrics.standsStill, "1 while no nonce is given for this reason."),
};

const counters = new Map(
  [
    [signerMetrics.bumps, "Replacements with higher fees."],
    [signerMetrics.rebroadcasts, "Broadcasts of bytes that were sent before."],
    [signerMetrics.drops, "Broadcasts of bytes that every pool had dropped."],
    [signerMetrics.reorgs, "Transactions whose block left the chain."],
    [signerMetrics.foreignNonces, "Nonces that a transaction used which is not ours."],
    [signerMetrics.refusals, "Calls that the holder of the key does not sign."],
    [signerMetrics.gas, "Gas used by final transactions, by outcome."],
    [signerMetrics.reverts, "Mined reverts, by reason."],
  ].map(([name = "", description]) => [
    name,
    metricMeter.createCounter(name, undefined, description),
  ]),
);

const reasons = ["paused", "low_balance", "fee_cap", "foreign_nonce", "node_away"] as const;

/** A signer's metrics. Silent while a history is replayed. One a workflow run. */
export class SignerMeters {
  private readonly tags: { readonly chain: string };
  private before: SignerState;

  /** @param state - what the run starts with: only what comes after it counts. */
  constructor(chainId: number, state: SignerState) {
    this.tags = { chain: String(chainId) };
    this.before = state;
  }

  show(state: SignerState, status: SignerStatus): void {
    for (const { name, amount, labels } of countBetween(this.before, state)) {
      counters.get(name)?.add(amount, { ...this.tags, ...labels });
    }
    this.before = state;
    const { nextNonce, latestNonce, oldestQueuedAt } = status;
    const oldestMs = oldestQueuedAt === null ? 0 : Date.now() - Date.parse(oldestQueuedAt);
    gauges.queued.set(status.queued, this.tags);
    gauges.oldestQueued.set(Math.max(0, oldestMs) / 1000, this.tags);
    gauges.inFlight.set(status.inFlight, this.tags);
    if (nextNonce !== null && latestNonce !== null) {
      gauges.nonceLag.set(nextNonce - latestNonce, this.tags);
    }
    for (const reason of reasons) {
      const value = status.standsStill === reason ? 1 : 0;
      gauges.standsStill.set(value, { ...this.tags, reason });
    }
  }
}
