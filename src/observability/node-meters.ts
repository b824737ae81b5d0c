import type { MetricMeter } from "@temporalio/common";
import type { NodeMeters } from "../rpc/node-meters.ts";

/** The exporter appends the unit to it. */
export const nodeRequestSeconds = "blockloom_node_request";

/** Meters of the execution nodes on the SDK's endpoint; `node` is the name of the configuration, never a url. */
export function createNodeMeters(meter: MetricMeter): NodeMeters {
  const gauge = (name: string, description: string) =>
    meter.createGauge(`blockloom_node_${name}`, "float", undefined, description);
  const requests = meter.createHistogram(
    nodeRequestSeconds,
    "float",
    "seconds",
    "Time of one answered HTTP request to a node, traces excluded.",
  );
  const faults = meter.createCounter(
    "blockloom_node_faults",
    undefined,
    "Requests and traces that a node failed, by kind; contradicted: another node proved otherwise.",
  );
  const inFlight = gauge("traces_in_flight", "Traces under way at the node, of this process.");
  const limit = gauge("trace_limit", "Traces that the node is given at once, as it can take them.");
  const lag = gauge("head_lag_blocks", "Blocks behind the highest head of the network's nodes.");
  const serving = gauge("serving", "1: the node serves; 0: it is away or must not be used.");
  const waiting = gauge("requests_waiting", "Requests that wait for the node's requestsPerSecond.");
  return {
    nodeRequest: (network, node, seconds) => requests.record(seconds, { network, node }),
    nodeFault: (network, node, kind) => faults.add(1, { network, node, kind }),
    nodeGauges(network, node, { tracesInFlight, traceLimit, headLag, isServing, requestsWaiting }) {
      const tags = { network, node };
      inFlight.set(tracesInFlight, tags);
      limit.set(traceLimit, tags);
      if (headLag !== null) lag.set(headLag, tags);
      serving.set(isServing ? 1 : 0, tags);
      waiting.set(requestsWaiting, tags);
    },
  };
}
