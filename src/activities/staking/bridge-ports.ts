import type { Hex } from "../../domain/chain.ts";
import type { CheckVerdict, StakeCall } from "../../domain/staking/stake-call.ts";
import type { StakeRequestStatus, StreamEntity } from "../../workflows/staking/request-shapes.ts";
import type {
  StakeTransactionRecord,
  StreamQueue,
} from "../../workflows/staking/stake-activities.ts";

// What the activities of the bridge, the audit tables and the webhook need from the world.

/** An entry of the stream; `fields` is null where it was deleted while nobody had acknowledged it. */
export type StreamEntry = {
  /** `<milliseconds>-<number>`, given by Redis. */
  readonly id: string;
  readonly fields: Readonly<Record<string, string>> | null;
  /** A loop looked at the stream since it was written, with a group that is lost: it was given to somebody then. */
  readonly wasGiven?: true;
};

/** A hash as it was read: field to value. */
export type StoredEntity = Readonly<Record<string, string>>;

/** One connection to the stream, of one consumer of one group. @throws {RedisUnavailableError} @throws {RedisRefusedError} */
export interface StreamSession {
  /**
   * Creates stream and group where they are missing; takes over what consumers that died had in hand.
   * @returns ids of entries that were in hand, and are deleted.
   */
  prepare(): Promise<readonly string[]>;
  /** Entries that this consumer was given and has not acknowledged, after an id (`0` = all), oldest first. */
  readOwn(afterId: string): Promise<readonly StreamEntry[]>;
  /** Entries that no consumer of the group was given; waits for one as long as `waitMs`. */
  readNew(waitMs: number): Promise<readonly StreamEntry[]>;
  /** The hash of a request; null where there is none. */
  loadEntity(entity: StreamEntity): Promise<StoredEntity | "not a hash" | null>;
  acknowledge(entryId: string): Promise<void>;
  /** Takes the hash away, so that the producer's UI no longer counts it as pending. */
  removeEntity(entity: StreamEntity): Promise<void>;
  /** What the group was given and has not acknowledged. */
  queue(): Promise<StreamQueue>;
  /** The reference's `last-check`. */
  noteCheck(at: Date): Promise<void>;
  /** The reference's timestamp of the message in hand; null: none. */
  noteInHand(timestampMs: number | null): Promise<void>;
  /** Removes entries that every group has acknowledged, once they are old. */
  trim(now: Date): Promise<void>;
  /** Ends the connection at once, also one that waits. */
  close(): void;
}

export interface RequestStream {
  /** Whether entries are only looked at, in a group of their own. */
  readonly shadow: boolean;
  /** The longest that one read waits, milliseconds. */
  readonly readBlockMs: number;
  open(): Promise<StreamSession>;
}

/** What starting a request came to. */
export type StartedRequest = {
  readonly requestId: string;
  /** Whether this call made the run; false: it ran or had ended already. */
  readonly isNew: boolean;
  /** The hash that the run keeps up to date, which a second entry with the same signature is not; null: none. */
  readonly entity: StreamEntity | null;
};

export interface RequestStarter {
  /**
   * Starts the workflow of a request unless it runs or has ended for good; durable when it returns, and repeatable.
   * @throws {RequestRefusedError} where it can never be started.
   * @throws {TemporalUnavailableError}
   */
  start(request: {
    readonly chainId: number;
    readonly call: StakeCall;
    readonly entity: StreamEntity;
  }): Promise<StartedRequest>;
}

/** Shadow mode's look at the chain. @throws {NodeUnavailableError} */
export type CheckCall = (input: {
  readonly chainId: number;
  readonly call: StakeCall;
}) => Promise<CheckVerdict>;

export interface EntityStore {
  /** Sets `transactionHash` where the hash still stands. Repeatable. */
  noteTransaction(entity: StreamEntity, transactionHash: Hex): Promise<void>;
  /** UNLINK. Repeatable. */
  remove(entity: StreamEntity): Promise<void>;
}

/** An entry that no request can be made of. */
export type Poison = {
  readonly chainId: number;
  readonly entryId: string;
  readonly entity: StreamEntity | null;
  readonly code: string;
  /** One sentence without the signature. */
  readonly message: string;
};

export interface StakeRequestStore {
  /** Appends where a request stands; the same row again counts once. */
  record(row: { status: StakeRequestStatus; source: string; actor: string }): Promise<void>;
  /** Appends the report of an entry; a repeated one counts once. */
  recordPoison(poison: Poison): Promise<void>;
}

export interface StakeTransactionStore {
  record(
    rows: readonly StakeTransactionRecord[],
    account: { chainId: number; address: Hex },
  ): Promise<void>;
}

/** Meters of the staking activities (src/domain/staking/metric-names.ts). */
export interface StakeMeters {
  /** A request came to its end. */
  stakeOutcome(chainId: number, state: string, reason: string): void;
  streamEntry(chainId: number, result: "started" | "known" | "poisoned" | "postponed"): void;
  streamQueue(chainId: number, unacknowledged: number, oldestSeconds: number): void;
  signerBalance(chainId: number, address: Hex, balanceWei: string): void;
}

/** The outcome of a request, as an operator's receiver is told. */
export type StakeAnnouncement = StakeRequestStatus & {
  /** The same when a delivery is repeated. */
  readonly id: string;
  readonly type: "stake.settled";
  readonly at: string;
};
export interface StakeAnnouncer {
  /** @throws {WebhookRefusedError} */
  announce(message: StakeAnnouncement): Promise<void>;
}
