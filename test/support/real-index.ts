import { randomBytes } from "node:crypto";
import type { Dependencies, Network } from "../../src/activities/ports.ts";
import type { ClickHouse } from "../../src/clickhouse/client.ts";
import { createLedger } from "../../src/clickhouse/ledger.ts";
import { createNetworkStore } from "../../src/clickhouse/networks.ts";
import { createRangeStore } from "../../src/clickhouse/ranges.ts";
import { createRowStore } from "../../src/clickhouse/rows.ts";
import { createExecutionNode } from "../../src/rpc/execution-node.ts";
import { readForkAt } from "../../src/rpc/fork-schedule.ts";
import { createFakeWorld } from "./fakes.ts";

/** The network of an anvil as a worker opens it; a thousand blocks are not final. */
export async function openAnvilNetwork(
  url: string,
  options: Pick<Network, "name" | "processors">,
): Promise<Network> {
  const endpoint = { name: "anvil", url, headers: {} };
  const node = createExecutionNode(endpoint, { traceTimeoutMs: 60_000 });
  return {
    ...options,
    node,
    forkAt: await readForkAt(node.calls, { genesisFile: null, chainId: 31_337 }),
    headPolicy: "latest",
    finalityDepth: 1000,
    retryPolicy: { initialDelayMs: 1000, maximumDelayMs: 1000, maximumAttempts: 12 },
  };
}

/** What `indexBlocks` needs, with the real stores. */
export function realDependencies(network: Network, client: ClickHouse): Dependencies {
  return {
    ...createFakeWorld().dependencies,
    network: async () => network,
    rows: createRowStore(client),
    ledger: createLedger(client),
    ranges: createRangeStore(client),
    networks: createNetworkStore(client),
    newAttemptId: () => randomBytes(8).readBigUInt64BE().toString(),
  };
}
