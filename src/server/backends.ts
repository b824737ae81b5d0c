import type { Client } from "@temporalio/client";
import type { ExecutionNode, Ledger } from "../activities/ports.ts";
import { createClickHouse } from "../clickhouse/client.ts";
import { createLedger } from "../clickhouse/ledger.ts";
import { checkSchema } from "../clickhouse/migrate.ts";
import { createStakeRequestStore, type StakeRequestTable } from "../clickhouse/stake-requests.ts";
import { askNodes, openNodes } from "../client/ask-nodes.ts";
import { callTemporal } from "../client/temporal-call.ts";
import type { Config, NetworkConfig } from "../config/load-config.ts";
import { NodeUnavailableError, StorageUnavailableError } from "../errors.ts";
import { openClient } from "../temporal/open-client.ts";
import { createProbe } from "./probe.ts";

/** What the API asks: all of it opened when first needed, and looked at again when it was away. */
export type Backends = {
  /** @throws {TemporalUnavailableError} within some seconds while it is away. */
  readonly temporal: () => Promise<Client>;
  /** @throws {StorageUnavailableError} within 2 s while it is away. @throws {SchemaMismatchError} */
  readonly ledger: () => Promise<Ledger>;
  /** @throws {StorageUnavailableError} within 2 s while it is away. @throws {SchemaMismatchError} */
  readonly stakeRequests: () => Promise<Pick<StakeRequestTable, "read">>;
  /** Asks the nodes of a network in turn. @throws {NodeUnavailableError} when none answers within 5 s. */
  readonly askNode: <Answer>(
    network: NetworkConfig,
    ask: (node: ExecutionNode, signal: AbortSignal) => Promise<Answer>,
  ) => Promise<Answer>;
  readonly close: () => Promise<void>;
};

const glanceMs = 2_000;
const nodeTimeoutMs = 5_000;

/** Opens nothing yet. */
export function openBackends(config: Config): Backends {
  const clickhouse = createClickHouse(config.clickhouse);
  const ledger = createLedger(clickhouse);
  const stakeRequests = createStakeRequestStore(clickhouse);
  const schema = onceDone(() => checkSchema(clickhouse));
  const storageProbe = createProbe(() => inTime(clickhouse.ping(), glanceMs));

  const openStorage = async () => {
    await storageProbe();
    await schema();
  };

  const opened = onceDone(() => openClient(config.temporal));
  const temporalProbe = createProbe(async () => {
    const { client } = await opened();
    const target = { workflowId: "temporal", startCommand: "npm run worker" };
    await callTemporal(client, target, () => client.workflowService.getSystemInfo({}), glanceMs);
  });

  const nodes = new Map<string, Promise<ExecutionNode[]>>();
  return {
    temporal: async () => {
      await temporalProbe();
      return (await opened()).client;
    },
    ledger: async () => {
      await openStorage();
      return ledger;
    },
    stakeRequests: async () => {
      await openStorage();
      return stakeRequests;
    },
    askNode: async (network, ask) => {
      const known = nodes.get(network.name) ?? openNodes(network, config.worker);
      nodes.set(network.name, known);
      return askNodes(await known, (node) => askInTime(node, ask));
    },
    close: async () => {
      await clickhouse.close();
      await opened.ifDone()?.close();
    },
  };
}

async function askInTime<Answer>(
  node: ExecutionNode,
  ask: (node: ExecutionNode, signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const signal = AbortSignal.timeout(nodeTimeoutMs);
  try {
    return await ask(node, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    const reason = `no answer within ${nodeTimeoutMs / 1000} s`;
    throw new NodeUnavailableError({ node: node.name, method: "eth_getBlockByNumber", reason });
  }
}

async function inTime<Answer>(asked: Promise<Answer>, timeoutMs: number): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const reason = `no answer within ${timeoutMs / 1000} s`;
    timer = setTimeout(() => reject(new StorageUnavailableError({ reason })), timeoutMs);
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}

type Once<Value> = (() => Promise<Value>) & { readonly ifDone: () => Value | undefined };

/** Keeps the first success; a failure is tried again by the next caller, and callers at once share one try. */
function onceDone<Value>(make: () => Promise<Value>): Once<Value> {
  let trying: Promise<Value> | undefined;
  let done: { readonly value: Value } | undefined;
  const ask = () => {
    trying ??= make().then(
      (value) => {
        done = { value };
        return value;
      },
      (error: unknown) => {
        trying = undefined;
        throw error;
      },
    );
    return trying;
  };
  return Object.assign(ask, { ifDone: () => done?.value });
}

/** Names of what the API needs and cannot reach now. */
export async function findAway({ temporal, ledger }: Backends): Promise<string[]> {
  const parts = { temporal, clickhouse: ledger };
  const asked = await Promise.all(
    Object.entries(parts).map(async ([name, ask]) => {
      try {
        await ask();
        return [];
      } catch {
        return [name];
      }
    }),
  );
  return asked.flat();
}
