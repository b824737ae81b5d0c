import { activityInfo, cancellationSignal, heartbeat } from "@temporalio/activity";
import type { PumpResult, StreamQueue } from "../../workflows/staking/stake-activities.ts";
import type { RequestStream, StakeMeters, StreamEntry, StreamSession } from "./bridge-ports.ts";
import { type EntryDependencies, EntryHandler } from "./handle-entry.ts";
import { emptyTally, type PumpTally } from "./pump-tally.ts";

export type PumpDependencies = EntryDependencies & {
  readonly stream: RequestStream;
  readonly now: () => Date;
};

const heartbeatMs = 1000;

/**
 * Serves the stream over one connection: first what this consumer had in hand, then for `maximumSeconds` what is new.
 * 0 seconds: only looks, and says that it did. An entry is acknowledged when its request is durably started, or when
 * none can be made of it; one whose start fails stays, and stands in nobody's way.
 * @throws {RedisUnavailableError} @throws {RedisRefusedError} @throws {TemporalUnavailableError}
 */
export function createPumpStream(dependencies: PumpDependencies) {
  return async function pumpStream(input: {
    chainId: number;
    maximumSeconds: number;
  }): Promise<PumpResult> {
    const signal = cancellationSignal();
    const session = await dependencies.stream.open();
    const pump = new Pump(dependencies, session, input.chainId, readTally(dependencies.stream));
    // A read that waits ends only with its connection; what it had been given is read again as our own.
    const close = () => session.close();
    signal.addEventListener("abort", close, { once: true });
    const beat = setInterval(() => heartbeat(pump.tally), heartbeatMs);
    try {
      signal.throwIfAborted();
      return await pump.run(input.maximumSeconds * 1000);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      heartbeat(pump.tally);
      clearInterval(beat);
      signal.removeEventListener("abort", close);
      session.close();
    }
  };
}

/** What the attempt before had counted, less what it had postponed: that comes again. */
function readTally({ shadow }: RequestStream): PumpTally {
  const before: Partial<PumpTally> | undefined = activityInfo().heartbeatDetails;
  return { ...emptyTally(shadow), ...before, postponed: 0 };
}

class Pump {
  private readonly dependencies: PumpDependencies;
  private readonly session: StreamSession;
  private readonly chainId: number;
  private readonly handler: EntryHandler;

  constructor(
    dependencies: PumpDependencies,
    session: StreamSession,
    chainId: number,
    tally: PumpTally,
  ) {
    this.dependencies = dependencies;
    this.session = session;
    this.chainId = chainId;
    this.handler = new EntryHandler(dependencies, { session, chainId, tally });
  }

  get tally(): PumpTally {
    return this.handler.tally;
  }

  async run(forMs: number): Promise<PumpResult> {
    const deleted = await this.session.prepare();
    await this.handler.handle(deleted.map((id) => ({ id, fields: null })));
    const queue = forMs > 0 ? await this.serve(forMs) : await this.look();
    return { ...this.tally, queue };
  }

  private async serve(forMs: number): Promise<StreamQueue> {
    await this.serveOwn();
    await this.handler.noteNothingInHand();
    if (!this.dependencies.stream.shadow) await this.session.trim(this.dependencies.now());
    let queue = await this.look();
    // Counted from here: however slow Redis was until now, what is new is read once.
    const deadline = Date.now() + forMs;
    for (;;) {
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) return queue;
      const waitMs = Math.min(leftMs, this.dependencies.stream.readBlockMs);
      const entries = await this.session.readNew(waitMs);
      // Whatever fails every start would only fill our hands: the next call tries again.
      if (entries.length > 0 && !(await this.handler.handle(entries))) return this.look();
      queue = await this.look();
    }
  }

  /** Walks on past entries that stay, so that none of them hides those behind it. */
  private async serveOwn(): Promise<void> {
    let afterId = "0";
    for (;;) {
      const entries: readonly StreamEntry[] = await this.session.readOwn(afterId);
      const last = entries.at(-1);
      if (last === undefined) return;
      await this.handler.handle(entries);
      afterId = last.id;
    }
  }

  /** Says for monitors that the loop lives, and how much is not acknowledged. */
  private async look(): Promise<StreamQueue> {
    const { now, stream, meters } = this.dependencies;
    if (!stream.shadow) await this.session.noteCheck(now());
    const queue = await this.session.queue();
    reportQueue(meters, this.chainId, queue, now());
    return queue;
  }
}

function reportQueue(meters: StakeMeters, chainId: number, queue: StreamQueue, now: Date): void {
  const oldestMs = queue.oldestAt === null ? now.getTime() : Date.parse(queue.oldestAt);
  meters.streamQueue(chainId, queue.unacknowledged, Math.max(0, now.getTime() - oldestMs) / 1000);
}
