import type { PumpResult, StreamQueue } from "./stake-activities.ts";

/** One per chain: the loop that turns the Redis stream into request workflows. */
export type StakeBridgeInput = {
  readonly v: 1;
  readonly chainId: number;
  /** Set by continue-as-new only. */
  readonly state?: StakeBridgeState;
};

export type StakeBridgeState = {
  readonly paused: boolean;
  readonly startedAt: string;
  readonly totals: Omit<PumpResult, "queue" | "postponed">;
};

/** Answer of the bridge's `progress`. */
export type StakeBridgeProgress = {
  readonly chainId: number;
  readonly paused: boolean;
  readonly startedAt: string;
  /** Since the bridge was started, over all its runs. */
  readonly totals: StakeBridgeState["totals"];
  /** Of the last call. */
  readonly postponed: number;
  readonly queue: StreamQueue | null;
  readonly waitingFor: string | null;
};
