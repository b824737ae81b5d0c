import { once } from "node:events";
import { createServer } from "node:net";
import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { createLogger } from "../../../src/observability/logger.ts";
import { installRuntime } from "../../../src/observability/runtime.ts";

const silent = createLogger(
  { level: "error", format: "json" },
  new Writable({ write: (_part, _encoding, done) => done() }),
);

function catchError(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return String(error);
  }
  throw new Error("nothing was thrown");
}

test("our meters stand on the endpoint under Prometheus names, and a port in use is named", async () => {
  const occupant = createServer().listen(0, "127.0.0.1");
  await once(occupant, "listening");
  const bound = occupant.address();
  const port = typeof bound === "object" ? bound?.port : undefined;
  const error = catchError(() => installRuntime(silent, `127.0.0.1:${port}`));
  expect(error.replace(String(port), "<port>")).toMatchInlineSnapshot(`
    "ConfigError: The metrics endpoint cannot be opened.
      METRICS_ADDRESS: 127.0.0.1:<port>
      Fix: choose a free port of this host, or set METRICS_ADDRESS=off."
  `);
  occupant.close();
  await once(occupant, "close");

  const meters = installRuntime(silent, `127.0.0.1:${port}`);
  meters.blocks("demo", "complete", 3);
  meters.rows("demo", "execution_structlog", 2_000);
  meters.failures("demo", "trace_cut");
  meters.headDistance("demo", 7);
  const gaps = { missing: 5, failed: 2, quarantined: 1, oldestMissingDepth: 90 };
  meters.gaps("demo", [{ processor: "structlog", ...gaps }]);
  meters.traceSeconds("demo", 0.2);
  meters.nodeFault("demo", "geth-1", "contradicted");
  meters.nodeRequest("demo", "geth-1", 0.2);
  const gauges = {
    tracesInFlight: 2,
    traceLimit: 3.5,
    headLag: 4,
    isServing: true,
    requestsWaiting: 3,
  };
  meters.nodeGauges("demo", "geth-1", gauges);
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const ours = text.split("\n").filter((line) => line.startsWith("blockloom_"));
  expect(ours).toMatchInlineSnapshot(`
    [
      "blockloom_blocks_total{network="demo",status="complete"} 3",
      "blockloom_failed_blocks{network="demo",processor="structlog"} 2",
      "blockloom_failures_total{kind="trace_cut",network="demo"} 1",
      "blockloom_head_distance_blocks{network="demo"} 7",
      "blockloom_missing_blocks{network="demo",processor="structlog"} 5",
      "blockloom_node_faults_total{kind="contradicted",network="demo",node="geth-1"} 1",
      "blockloom_node_head_lag_blocks{network="demo",node="geth-1"} 4",
      "blockloom_node_request_seconds_bucket{network="demo",node="geth-1",le="0.005"} 0",
      "blockloom_node_request_seconds_bucket{network="demo",node="geth-1",le="0.01"} 0",
      "blockloom_node_request_seconds_bucket{network="demo",node="geth-1",le="0.025"} 0",
      "blockloom_node_request_seconds_bucket{network="demo",node="geth-1",le="0.05"} 0",
      "blockloom_node_request_seconds_bucket{network="demo",node="geth-1",le="0.1"} 0",
      "blockloom_node_request_seconds_bucket{network="demo",node="geth-1",le="0.25"} 1",
      "blockloom_node_request_seconds_bucket{network="demo",node="geth-1",le="0.5"} 1",
      "blockloom_node_request_seconds_bucket{network="demo",node="geth-1",le="1"} 1",
      "blockloom_node_request_seconds_bucket{network="demo",node="geth-1",le="2.5"} 1",
      "blockloom_node_request_seconds_bucket{network="demo",node="geth-1",le="5"} 1",
      "blockloom_node_request_seconds_bucket{network="demo",node="geth-1",le="10"} 1",
      "blockloom_node_request_seconds_bucket{network="demo",node="geth-1",le="30"} 1",
      "blockloom_node_request_seconds_bucket{network="demo",node="geth-1",le="60"} 1",
      "blockloom_node_request_seconds_bucket{network="demo",node="geth-1",le="300"} 1",
      "blockloom_node_request_seconds_bucket{network="demo",node="geth-1",le="+Inf"} 1",
      "blockloom_node_request_seconds_sum{network="demo",node="geth-1"} 0.2",
      "blockloom_node_request_seconds_count{network="demo",node="geth-1"} 1",
      "blockloom_node_requests_waiting{network="demo",node="geth-1"} 3",
      "blockloom_node_serving{network="demo",node="geth-1"} 1",
      "blockloom_node_trace_limit{network="demo",node="geth-1"} 3.5",
      "blockloom_node_traces_in_flight{network="demo",node="geth-1"} 2",
      "blockloom_oldest_missing_depth_blocks{network="demo",processor="structlog"} 90",
      "blockloom_quarantined_blocks{network="demo",processor="structlog"} 1",
      "blockloom_rows_total{network="demo",table="execution_structlog"} 2000",
      "blockloom_trace_seconds_bucket{network="demo",le="0.01"} 0",
      "blockloom_trace_seconds_bucket{network="demo",le="0.05"} 0",
      "blockloom_trace_seconds_bucket{network="demo",le="0.1"} 0",
      "blockloom_trace_seconds_bucket{network="demo",le="0.25"} 1",
      "blockloom_trace_seconds_bucket{network="demo",le="0.5"} 1",
      "blockloom_trace_seconds_bucket{network="demo",le="1"} 1",
      "blockloom_trace_seconds_bucket{network="demo",le="2.5"} 1",
      "blockloom_trace_seconds_bucket{network="demo",le="5"} 1",
      "blockloom_trace_seconds_bucket{network="demo",le="10"} 1",
      "blockloom_trace_seconds_bucket{network="demo",le="30"} 1",
      "blockloom_trace_seconds_bucket{network="demo",le="60"} 1",
      "blockloom_trace_seconds_bucket{network="demo",le="120"} 1",
      "blockloom_trace_seconds_bucket{network="demo",le="300"} 1",
      "blockloom_trace_seconds_bucket{network="demo",le="+Inf"} 1",
      "blockloom_trace_seconds_sum{network="demo"} 0.2",
      "blockloom_trace_seconds_count{network="demo"} 1",
    ]
  `);
});
