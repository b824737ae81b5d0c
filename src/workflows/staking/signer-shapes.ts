import type { Hex } from "../../domain/chain.ts";
import type { SignerPolicy } from "./messages.ts";

export type SignerInput = {
  readonly v: 1;
  readonly chainId: number;
  /** Lower case. */
  readonly address: Hex;
  readonly policy: SignerPolicy;
  /** Set by continue-as-new only; its shape is the workflow's own (src/domain/staking). */
  readonly state?: unknown;
};

export type SignerStatus = {
  readonly chainId: number;
  readonly address: Hex;
  /** Why no new nonce is given; null while it works. `paused` is a person's; the others end by themselves. */
  readonly standsStill: "paused" | "low_balance" | "fee_cap" | "foreign_nonce" | "node_away" | null;
  readonly policy: SignerPolicy;
  readonly nextNonce: number | null;
  readonly latestNonce: number | null;
  readonly balanceWei: string | null;
  readonly queued: number;
  readonly oldestQueuedAt: string | null;
  readonly inFlight: number;
  /** Mined, not final. */
  readonly settling: number;
  readonly slots: readonly {
    readonly nonce: number;
    readonly requestId: string | null;
    readonly kind: "call" | "noop";
    readonly attempts: number;
    readonly transactionHash: Hex | null;
    readonly stage: "signed" | "broadcast" | "mined";
  }[];
  readonly counts: {
    readonly succeeded: number;
    readonly reverted: number;
    readonly cancelled: number;
    readonly bumps: number;
    readonly rebroadcasts: number;
    /** Of those, the ones that no pool had any more. */
    readonly drops: number;
    readonly noops: number;
    readonly reorgs: number;
    readonly foreignNonces: number;
    /** Calls that the holder of the key does not sign. */
    readonly refusals: number;
  };
  readonly gasUsedWei: string;
  readonly alarms: readonly string[];
  readonly lastError: string | null;
};
