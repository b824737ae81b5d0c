import type {
  SignerPolicy,
  StakeOutcome,
  StakeProgress,
} from "../../workflows/staking/messages.ts";
import type { SignerStatus } from "../../workflows/staking/signer-shapes.ts";
import type {
  AccountView,
  BroadcastResult,
  ReceiptView,
  StakeTransactionRecord,
} from "../../workflows/staking/stake-activities.ts";
import type { Hex } from "../chain.ts";
import { type Fees, worstCost } from "./fees.ts";
import type { StakeCall } from "./stake-call.ts";

// Everything a signer knows, as JSON: it crosses continue-as-new. Times are epoch milliseconds, amounts decimal strings.

/** A request that has no nonce. */
export type QueuedRequest = {
  readonly requestId: string;
  readonly call: StakeCall;
  readonly expiresAt: string;
  readonly queuedAtMs: number;
  /** The UTC day of whose share it has had its part; absent: none yet, or shares are not counted. */
  readonly bookedOn?: string;
};

/** One signed transaction of a slot. All of a slot's attempts stay live until it closes: any of them may be mined. */
export type Attempt = Fees & {
  readonly kind: "call" | "noop";
  readonly hash: Hex;
  /** Kept of the newest attempt only: it is the one that is sent again. */
  readonly raw: Hex | null;
  readonly gasLimit: string;
  readonly signedAtMs: number;
  /** When a broadcast of it first returned; null: perhaps never sent. */
  readonly sentAtMs: number | null;
  /** The head when it was signed: a chain that stands still mines nothing at any price. */
  readonly headNumber: number;
  readonly result: BroadcastResult | null;
};

export type Withdrawal = "cancelled" | "expired";

/** A nonce that was given out and is not final. */
export type Slot = {
  readonly nonce: number;
  /** null: a nonce that only fills a gap. */
  readonly request: QueuedRequest | null;
  /** Of the request's call. */
  readonly gasLimit: string;
  /** What the first attempt is signed with. */
  readonly startFees: Fees;
  readonly attempts: readonly Attempt[];
  readonly lastSentAtMs: number | null;
  /** Sent again at once: it was mined and its block left the chain. */
  readonly resend: boolean;
  readonly bumpAsked: boolean;
  /** Nobody wants it mined any more: a NOOP takes its place, if it still can. */
  readonly withdrawn: Withdrawal | null;
  readonly receipt: ReceiptView | null;
  /** Since when the chain has used the nonce and shows no receipt of ours. */
  readonly missingSinceMs: number | null;
};

/** A word to a request workflow, until it is delivered. */
export type Notice = { readonly seq: number; readonly requestId: string } & (
  | { readonly kind: "progressed"; readonly body: StakeProgress }
  | { readonly kind: "settled"; readonly body: StakeOutcome }
);

export type SignerState = {
  readonly v: 1;
  readonly policy: SignerPolicy;
  readonly paused: boolean;
  /** Cancelled: no new nonces; ends when all slots are final. */
  readonly stopping: boolean;
  /** null until the chain was asked; afterwards only a foreign transaction that is final moves it. */
  readonly nextNonce: number | null;
  readonly account: AccountView | null;
  readonly queue: readonly QueuedRequest[];
  /** By nonce, ascending. */
  readonly slots: readonly Slot[];
  readonly notices: readonly Notice[];
  readonly nextSeq: number;
  /** Attempts that the table does not hold yet. */
  readonly records: readonly (StakeTransactionRecord & { readonly seq: number })[];
  /** Succeeded requests, newest last: who asks again hears the same. */
  readonly recent: readonly { readonly requestId: string; readonly outcome: StakeOutcome }[];
  /** What owners were served on one UTC day. */
  readonly day: {
    readonly date: string;
    readonly owners: readonly { readonly owner: Hex; readonly count: number }[];
  };
  /** What the first request that the balance did not allow would cost; null while it allows all. */
  readonly wantedWei: string | null;
  /** Since when the chain's nonce is below all of ours, with nothing of ours to close the gap; null: no gap. */
  readonly gapSinceMs: number | null;
  readonly counts: SignerStatus["counts"];
  readonly gasUsedWei: string;
  readonly lastError: string | null;
};

export function newSignerState(policy: SignerPolicy): SignerState {
  return {
    v: 1,
    policy,
    paused: false,
    stopping: false,
    nextNonce: null,
    account: null,
    queue: [],
    slots: [],
    notices: [],
    nextSeq: 1,
    records: [],
    recent: [],
    day: { date: "", owners: [] },
    wantedWei: null,
    gapSinceMs: null,
    counts: {
      succeeded: 0,
      reverted: 0,
      cancelled: 0,
      bumps: 0,
      rebroadcasts: 0,
      drops: 0,
      noops: 0,
      reorgs: 0,
      foreignNonces: 0,
      refusals: 0,
    },
    gasUsedWei: "0",
    lastError: null,
  };
}

/** The attempt that counts: the one that is sent, and that the next one replaces. */
export function newestAttempt(slot: Slot): Attempt | undefined {
  return slot.attempts.at(-1);
}

/** Slots whose transaction is in no block: they take the places in flight. */
export function unminedSlots(state: SignerState): readonly Slot[] {
  return state.slots.filter(({ receipt }) => receipt === null);
}

/**
 * The most that the account may still be charged for open slots, in wei. What the view's balance has paid already
 * (nonces below its latest one) counts no more.
 */
export function openCost(state: SignerState): bigint {
  const latest = state.account?.latestNonce ?? 0;
  return state.slots
    .filter(({ nonce }) => nonce >= latest)
    .reduce((sum, slot) => sum + worstSlotCost(slot), 0n);
}

function worstSlotCost(slot: Slot): bigint {
  return slot.attempts
    .map((attempt) => worstCost(attempt.gasLimit, attempt))
    .reduce((most, cost) => (cost > most ? cost : most), worstCost(slot.gasLimit, slot.startFees));
}

/** Puts a word to a request into the outbox; a newer word on its progress takes the older one's place. */
export function notify(
  state: SignerState,
  notice:
    | { readonly requestId: string; readonly kind: "progressed"; readonly body: StakeProgress }
    | { readonly requestId: string; readonly kind: "settled"; readonly body: StakeOutcome },
): SignerState {
  const others = state.notices.filter(
    ({ requestId, kind }) => requestId !== notice.requestId || kind === "settled",
  );
  return {
    ...state,
    notices: [...others, { ...notice, seq: state.nextSeq }],
    nextSeq: state.nextSeq + 1,
  };
}

/** Replaces one slot. */
export function withSlot(state: SignerState, slot: Slot): SignerState {
  return {
    ...state,
    slots: state.slots.map((other) => (other.nonce === slot.nonce ? slot : other)),
  };
}

/** Adds to the counts. */
export function count(
  state: SignerState,
  added: Partial<Record<keyof SignerState["counts"], number>>,
): SignerState {
  const sum = (name: keyof SignerState["counts"]) => state.counts[name] + (added[name] ?? 0);
  return {
    ...state,
    counts: {
      succeeded: sum("succeeded"),
      reverted: sum("reverted"),
      cancelled: sum("cancelled"),
      bumps: sum("bumps"),
      rebroadcasts: sum("rebroadcasts"),
      drops: sum("drops"),
      noops: sum("noops"),
      reorgs: sum("reorgs"),
      foreignNonces: sum("foreignNonces"),
      refusals: sum("refusals"),
    },
  };
}
