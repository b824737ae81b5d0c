import { formatEther } from "viem";
import { listQueueWorkers } from "../../client/workers.ts";
import { JobNotRunningError, NoWorkerError } from "../../errors.ts";
import type { StakingDesk } from "../../staking/desk.ts";
import { type QueueFacts, readRedisFacts } from "../../staking/queue-facts.ts";
import { readSigner } from "../../staking/signer-client.ts";
import { stakeTaskQueues } from "../../workflows/staking/messages.ts";

/** One of the reference's answers: `ok`, or what is wrong in its words. */
export type MonitorWord = string;
export type Monitor = {
  /** `processor` and `nonAckPendingTx`. */
  readonly queue: () => Promise<{ processor: MonitorWord; nonAckPendingTx: MonitorWord }>;
  readonly balance: () => Promise<MonitorWord>;
  readonly pendingMessageIsStuck: () => Promise<MonitorWord>;
};

const ok = "ok";
/** Longer than a probe should wait, shorter than a node's own time-out. */
const balanceTimeoutMs = 5_000;

/** Reads the stream's keys where there is one, else what the signer and its workers say. */
export function createMonitor(desk: StakingDesk, now: () => number = Date.now): Monitor {
  const { redis, monitor, alertBalanceWei } = desk.settings;
  const readFacts = () => (redis === null ? readTemporalFacts(desk, now()) : readRedisFacts(redis));
  return {
    queue: async () => {
      const facts = await readFacts().catch(() => null);
      if (facts === null) {
        const away = `error - ${redis === null ? "Temporal" : "Redis"} does not answer`;
        return { processor: away, nonAckPendingTx: away };
      }
      return {
        processor: judgeLoop(facts, now() - monitor.loopMaximumMs),
        nonAckPendingTx:
          facts.unacknowledged > monitor.maximumUnacknowledged
            ? `error - ${facts.unacknowledged} non-ack messages`
            : ok,
      };
    },
    balance: async () => {
      const balance = await readBalance(desk).catch(() => null);
      if (balance === null) return "error - processor balance is unknown, no node answers";
      return balance < BigInt(alertBalanceWei)
        ? `error - processor balance is ${toEther(balance)} ETH`
        : ok;
    },
    pendingMessageIsStuck: async () => {
      const facts = await readFacts().catch(() => null);
      const since = facts?.inHandSince ?? null;
      return since !== null && now() - since.getTime() > monitor.stuckAfterMs
        ? `error - stuck message in redis. message timestamp ${since.toISOString()}`
        : ok;
    },
  };
}

function judgeLoop({ lastCheck }: QueueFacts, oldest: number): MonitorWord {
  if (lastCheck === null) return "error - last successful queue processing never";
  return lastCheck.getTime() < oldest
    ? `error - last successful queue processing ${lastCheck.toISOString()}`
    : ok;
}

async function readBalance(desk: StakingDesk): Promise<bigint> {
  const signal = AbortSignal.timeout(balanceTimeoutMs);
  const { balanceWei } = await (await desk.chain()).account(desk.signer, signal);
  return BigInt(balanceWei);
}

/** As ethers 5 writes it, which the reference's alarms may look for: 1.0, not 1. */
function toEther(wei: bigint): string {
  const text = formatEther(wei);
  return text.includes(".") ? text : `${text}.0`;
}

/** Without a stream nothing waits for an acknowledgement; its loop is a worker that asks for work. */
async function readTemporalFacts(desk: StakingDesk, now: number): Promise<QueueFacts> {
  const client = await desk.client();
  const chainId = await desk.chainId();
  const queue = stakeTaskQueues.transactions(chainId);
  const [worker] = await listQueueWorkers(client, [[queue, "workflows"]]);
  return {
    lastCheck: lastSeen(worker, now),
    unacknowledged: 0,
    inHandSince: await oldestQueued(desk, chainId),
  };
}

/** A poll waits up to a minute, so whoever counts as alive counts as seen now. */
function lastSeen(
  worker: { workers: readonly string[]; lastSeenSeconds: number | null } | undefined,
  now: number,
): Date | null {
  if (worker === undefined || worker.lastSeenSeconds === null) return null;
  return new Date(worker.workers.length > 0 ? now : now - worker.lastSeenSeconds * 1000);
}

async function oldestQueued(desk: StakingDesk, chainId: number): Promise<Date | null> {
  try {
    const client = await desk.client();
    const { oldestQueuedAt } = await readSigner(client, { chainId, address: desk.signer });
    return oldestQueuedAt === null ? null : new Date(oldestQueuedAt);
  } catch (error) {
    if (error instanceof JobNotRunningError || error instanceof NoWorkerError) return null;
    throw error;
  }
}
