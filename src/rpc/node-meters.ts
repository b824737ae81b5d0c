import type { NodeCapabilities } from "./capabilities.ts";
import type { NodeFaultKind } from "./node-observer.ts";

/** Where a node stands: it serves; it is left alone for a time; or it must not be used. */
export type NodeState = "serving" | "away" | "refused";

/** Meters of the nodes; `node` is the name of the configuration. */
export interface NodeMeters {
  nodeRequest(network: string, node: string, seconds: number): void;
  nodeFault(network: string, node: string, kind: NodeFaultKind | "contradicted"): void;
  nodeGauges(
    network: string,
    node: string,
    gauges: {
      readonly tracesInFlight: number;
      readonly traceLimit: number;
      /** Blocks behind the highest head of the network's nodes; null = unknown. */
      readonly headLag: number | null;
      readonly isServing: boolean;
      /** Requests that wait for the configured pace, of this process. */
      readonly requestsWaiting: number;
    },
  ): void;
}

/** Something that an operator should know of a node. */
export type NodeReport = {
  readonly network: string;
  readonly node: string;
  readonly state: NodeState;
  /** What happened, in words, without secrets. */
  readonly reason: string;
  readonly clientVersion: string | null;
};

/** Who is told what becomes of the nodes. */
export type NodeListener = {
  readonly meters: NodeMeters;
  readonly report: (report: NodeReport) => void;
  /** A node's abilities are known better than when it was opened; absent: nobody wants to hear. */
  readonly learnt?: (node: NodeName & NodeCapabilities) => void;
};

type NodeName = { readonly network: string; readonly node: string };

export const nobodyListens: NodeListener = {
  meters: { nodeRequest: () => {}, nodeFault: () => {}, nodeGauges: () => {} },
  report: () => {},
};
