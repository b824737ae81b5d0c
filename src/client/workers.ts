import type { Client } from "@temporalio/client";
import { taskQueues } from "../workflows/messages.ts";
import { callTemporal } from "./temporal-call.ts";

/** A poll waits up to a minute for work, so a worker that lives was seen within it. */
const aliveWithinMs = 70_000;

export type Work = "workflows" | "activities";

/** Numbers of temporal.api.enums.v1.TaskQueueType. */
const queueTypes: Readonly<Record<Work, number>> = { workflows: 1, activities: 2 };

export type QueueWorkers = {
  readonly taskQueue: string;
  readonly work: Work;
  /** Identities of the workers that asked for work within the last 70 s. */
  readonly workers: readonly string[];
  /** Seconds since the newest poll; null where none is known. */
  readonly lastSeenSeconds: number | null;
};

/** Tells which workers ask for work of these networks. A killed one counts for up to 70 s more. */
export async function listWorkers(
  client: Client,
  networks: readonly string[],
): Promise<QueueWorkers[]> {
  const queues: [string, Work][] = [
    [taskQueues.workflows, "workflows"],
    [taskQueues.workflows, "activities"],
    ...networks.flatMap((network): [string, "activities"][] => [
      [taskQueues.head(network), "activities"],
      [taskQueues.bulk(network), "activities"],
    ]),
  ];
  return listQueueWorkers(client, queues);
}

/** Tells which workers ask for these kinds of work of these queues. */
export function listQueueWorkers(
  client: Client,
  queues: readonly (readonly [taskQueue: string, work: Work])[],
): Promise<QueueWorkers[]> {
  return Promise.all(queues.map(([taskQueue, work]) => describeQueue(client, taskQueue, work)));
}

async function describeQueue(client: Client, taskQueue: string, work: Work): Promise<QueueWorkers> {
  const target = { workflowId: taskQueue, startCommand: "npm run worker" };
  const request = {
    namespace: client.options.namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: queueTypes[work],
  };
  const { pollers } = await callTemporal(client, target, () =>
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the package of the enum has no ESM exports
    client.workflowService.describeTaskQueue(request),
  );
  const now = Date.now();
  const seen = (pollers ?? []).map(({ identity, lastAccessTime }) => ({
    identity: identity ?? "",
    agoMs: now - Number(lastAccessTime?.seconds ?? 0) * 1000,
  }));
  const alive = seen.filter(({ agoMs }) => agoMs < aliveWithinMs);
  return {
    taskQueue,
    work,
    workers: [...new Set(alive.map(({ identity }) => identity))],
    lastSeenSeconds:
      seen.length === 0
        ? null
        : Math.max(0, Math.round(Math.min(...seen.map(({ agoMs }) => agoMs)) / 1000)),
  };
}
