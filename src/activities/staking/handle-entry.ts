import { log } from "@temporalio/activity";
import {
  RedisRefusedError,
  RedisUnavailableError,
  RequestRefusedError,
  TemporalUnavailableError,
} from "../../errors.ts";
import type {
  CheckCall,
  RequestStarter,
  StakeMeters,
  StakeRequestStore,
  StreamEntry,
  StreamSession,
} from "./bridge-ports.ts";
import { countVerdict, type PumpTally } from "./pump-tally.ts";
import { type ReadEntry, readEntry } from "./read-entry.ts";

export type EntryDependencies = {
  readonly requests: RequestStarter;
  readonly checkCall: CheckCall;
  readonly requestRows: StakeRequestStore;
  readonly meters: StakeMeters;
};

type Request = Extract<ReadEntry, { kind: "request" }>;
type PoisonEntry = Extract<ReadEntry, { kind: "poison" }>;

/** Serves entries; in shadow mode (a tally that counts verdicts) it only looks at the chain. */
export class EntryHandler {
  tally: PumpTally;
  private readonly dependencies: EntryDependencies;
  private readonly session: StreamSession;
  private readonly chainId: number;
  /** Of the entries that were left for later. */
  private oldestLeftMs: number | null = null;

  constructor(
    dependencies: EntryDependencies,
    run: { session: StreamSession; chainId: number; tally: PumpTally },
  ) {
    this.dependencies = dependencies;
    this.session = run.session;
    this.chainId = run.chainId;
    this.tally = run.tally;
  }

  private get isShadow(): boolean {
    return this.tally.checked !== null;
  }

  /**
   * Serves entries side by side.
   * @returns false where every one of them had to be left for later.
   * @throws what is away for all of them: Redis or Temporal.
   */
  async handle(entries: readonly StreamEntry[]): Promise<boolean> {
    if (entries.length === 0) return true;
    const read = await Promise.all(entries.map((entry) => readEntry(this.session, entry)));
    await this.noteInHand(read);
    const results = await Promise.allSettled(read.map((one) => this.serve(one)));
    const away = results.find(({ status }) => status === "rejected");
    if (away?.status === "rejected") throw away.reason;
    const left = read.filter((_, at) => {
      const result = results[at];
      return result?.status === "fulfilled" && !result.value;
    });
    this.oldestLeftMs = oldestOf([
      this.oldestLeftMs,
      ...left.map(({ timestampMs }) => timestampMs),
    ]);
    await this.noteInHand([]);
    return left.length < entries.length;
  }

  /** Says that nothing is in hand but what was left: a run before may have died before it could. */
  async noteNothingInHand(): Promise<void> {
    await this.noteInHand([]);
  }

  /** @returns whether the entry is done; false: it was left for later. */
  private async serve(entry: ReadEntry): Promise<boolean> {
    try {
      if (entry.kind === "served") this.count("alreadyKnown");
      else if (entry.kind === "poison") await this.reportPoison(entry);
      else await (this.isShadow ? this.check(entry) : this.start(entry));
      await this.session.acknowledge(entry.entryId);
      return true;
    } catch (error) {
      if (isAwayForAll(error)) throw error;
      this.postpone(entry, error);
      return false;
    }
  }

  private async start(entry: Request): Promise<void> {
    const { call, entity } = entry;
    const asked = { chainId: this.chainId, call, entity };
    const started = await this.dependencies.requests.start(asked).catch(toRefusal);
    if ("code" in started) return this.reportPoison({ ...entry, ...started, kind: "poison" });
    this.count(started.isNew ? "started" : "alreadyKnown");
    // The same signature saved twice: nobody would ever take the second hash away.
    const isKept = started.isNew || started.entity?.entityId === entity.entityId;
    if (!isKept) await this.session.removeEntity(entity);
  }

  /** What the chain says of the request, for a comparison with what the reference does with it. */
  private async check({ call, entity }: Request): Promise<void> {
    const verdict = await this.dependencies.checkCall({ chainId: this.chainId, call });
    this.tally = countVerdict(this.tally, verdict.kind);
    const reason = "reason" in verdict ? verdict.reason : { code: verdict.kind, message: "" };
    log.info("Shadow: looked at a request", {
      ...entity,
      owner: call.owner,
      verdict: verdict.kind,
      reason: reason.code,
    });
  }

  /** A row, a log line and a count; then its hash goes, because the producer's UI would count it as pending for ever. */
  private async reportPoison(entry: PoisonEntry): Promise<void> {
    const { entryId, entity, code, message } = entry;
    if (!this.isShadow) {
      const { requestRows } = this.dependencies;
      await requestRows.recordPoison({ chainId: this.chainId, entryId, entity, code, message });
      if (entity !== null) await this.session.removeEntity(entity);
    }
    log.warn("No request can be made of an entry of the stream", {
      entryId,
      ...entity,
      code,
      reason: message,
    });
    this.dependencies.meters.streamEntry(this.chainId, "poisoned");
    this.tally = {
      ...this.tally,
      poisoned: this.tally.poisoned + 1,
      lastPoison: `${entryId}${entity ? ` (${entity.type} ${entity.entityId})` : ""}: ${message}`,
    };
  }

  private count(what: "started" | "alreadyKnown"): void {
    this.tally = { ...this.tally, [what]: this.tally[what] + 1 };
    this.dependencies.meters.streamEntry(this.chainId, what === "started" ? "started" : "known");
  }

  private postpone(entry: ReadEntry, error: unknown): void {
    const reason = error instanceof Error ? error.message.split("\n", 1)[0] : String(error);
    log.warn("An entry of the stream was left for later", { entryId: entry.entryId, reason });
    this.dependencies.meters.streamEntry(this.chainId, "postponed");
    this.tally = {
      ...this.tally,
      postponed: this.tally.postponed + 1,
      lastError: `${entry.entryId}: ${reason}`,
    };
  }

  /** The oldest of those in hand and those left: the reference's alarm for stuck messages looks at it. */
  private async noteInHand(entries: readonly ReadEntry[]): Promise<void> {
    if (this.isShadow) return;
    const times = entries.map(({ timestampMs }) => timestampMs);
    await this.session.noteInHand(oldestOf([this.oldestLeftMs, ...times]));
  }
}

/** What can never be started. All else may pass: a fault of ours must not cost a user his request. */
function toRefusal(error: unknown): { code: string; message: string } {
  if (!(error instanceof RequestRefusedError)) throw error;
  return { code: error.name, message: error.facts.join(" ") };
}

function oldestOf(times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.min(...known);
}

function isAwayForAll(error: unknown): boolean {
  return (
    error instanceof RedisUnavailableError ||
    error instanceof RedisRefusedError ||
    error instanceof TemporalUnavailableError
  );
}
