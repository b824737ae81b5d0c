import { toEndpoint } from "../../src/rpc/endpoint.ts";
import type { NodeListener, NodeReport } from "../../src/rpc/node-meters.ts";
import { RpcNodePool } from "../../src/rpc/node-pool.ts";
import { createPoolNode } from "../../src/rpc/pool-node.ts";
import { PooledNode } from "../../src/rpc/pooled-node.ts";

export type PoolMember = {
  readonly name: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly maximumTraces?: number;
  readonly requestsPerSecond?: number | null;
};

/** A pool of real nodes, what is said of them, and the nodes as one. */
export function createPool(
  members: readonly PoolMember[],
  {
    traceTimeoutMs = 10_000,
    expectedChainId = null,
  }: { readonly traceTimeoutMs?: number; readonly expectedChainId?: number | null } = {},
) {
  const reports: NodeReport[] = [];
  const faults: string[] = [];
  const listener: NodeListener = {
    meters: {
      nodeRequest: () => {},
      nodeFault: (_, node, kind) => faults.push(`${node} ${kind}`),
      nodeGauges: () => {},
    },
    report: (report) => reports.push(report),
  };
  const nodes = members.map(
    ({ headers = {}, maximumTraces = 8, requestsPerSecond = null, ...member }) =>
      new PooledNode({
        network: "net",
        endpoint: toEndpoint({ ...member, headers: { ...headers } }),
        roles: [],
        maximumTraces,
        requestsPerSecond,
        traceTimeoutMs,
        listener,
      }),
  );
  const pool = new RpcNodePool(nodes, {
    probe: { network: "net", expectedChainId },
    chain: { known: null },
    meters: listener.meters,
    isHead: false,
  });
  const asOne = createPoolNode(pool);
  return Object.assign(pool, { nodes, reports, faults, asOne });
}
