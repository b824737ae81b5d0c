import type { MetricMeter } from "@temporalio/common";
import type { MetricsExporterConfig } from "@temporalio/worker";
import type { Meters } from "../activities/ports.ts";
import { nodeRequestSeconds } from "./node-meters.ts";

/** A trace takes from some milliseconds (an almost empty block) to minutes (a 2 GB answer). */
const traceSecondsBuckets = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
/** The SDK's first bucket is 100 ms, which a dev server's task latency never leaves. */
const latencyBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** The exporter appends the unit to it. */
const traceSeconds = "blockloom_trace";

const latencies = [
  "activity_schedule_to_start_latency",
  "activity_execution_latency",
  "activity_succeed_endtoend_latency",
  "workflow_task_schedule_to_start_latency",
  "workflow_task_execution_latency",
  "workflow_task_replay_latency",
  "workflow_endtoend_latency",
  "request_latency",
  "long_request_latency",
];

/**
 * The SDK's Prometheus endpoint, with names as Prometheus wants them: `_total`, units, seconds.
 * @param address - `ip:port`, or `off`.
 */
export function metricsOptions(address: string): { metrics?: MetricsExporterConfig } {
  if (address === "off") return {};
  return {
    metrics: {
      prometheus: {
        bindAddress: address,
        countersTotalSuffix: true,
        unitSuffix: true,
        useSecondsForDurations: true,
        histogramBucketOverrides: {
          [traceSeconds]: traceSecondsBuckets,
          [nodeRequestSeconds]: latencyBuckets,
          ...Object.fromEntries(latencies.map((name) => [`temporal_${name}`, latencyBuckets])),
        },
      },
    },
  };
}

/** Our own meters on the SDK's endpoint. The exporter appends `_total` to counters and the unit to histograms. */
export function createMeters(meter: MetricMeter): Meters {
  const blocks = meter.createCounter(
    "blockloom_blocks",
    undefined,
    "Blocks that had their attempt, by outcome.",
  );
  const rows = meter.createCounter("blockloom_rows", undefined, "Rows inserted, by table.");
  const failures = meter.createCounter(
    "blockloom_failures",
    undefined,
    "Failed attempts of blocks, by kind.",
  );
  const distance = meter.createGauge(
    "blockloom_head_distance_blocks",
    "int",
    undefined,
    "Blocks between the chain's head and follow's cursor.",
  );
  const traces = meter.createHistogram(
    traceSeconds,
    "float",
    "seconds",
    "Time of one block's trace, from the request to the last byte.",
  );
  return {
    blocks: (network, status, count) => blocks.add(count, { network, status }),
    rows: (network, table, count) => rows.add(count, { network, table }),
    failures: (network, kind) => failures.add(1, { network, kind }),
    headDistance: (network, count) => distance.set(count, { network }),
    traceSeconds: (network, seconds) => traces.record(seconds, { network }),
    ...createGapMeters(meter),
    ...createReorgMeters(meter),
  };
}

function createGapMeters(meter: MetricMeter): Pick<Meters, "gaps"> {
  const gapGauge = (name: string, about: string) =>
    meter.createGauge(`blockloom_${name}_blocks`, "int", undefined, about);
  const missing = gapGauge(
    "missing",
    "Blocks that are expected, of which the ledger has no row, and that no running job has in hand.",
  );
  const failed = gapGauge("failed", "Blocks that failed and are tried again.");
  const quarantined = gapGauge("quarantined", "Blocks that wait for a release.");
  const oldestMissing = gapGauge(
    "oldest_missing_depth",
    "Blocks from the oldest missing one up to the highest expected; 0 where none is missing.",
  );
  return {
    gaps(network, gaps) {
      for (const { processor, ...counts } of gaps) {
        missing.set(counts.missing, { network, processor });
        failed.set(counts.failed, { network, processor });
        quarantined.set(counts.quarantined, { network, processor });
        oldestMissing.set(counts.oldestMissingDepth, { network, processor });
      }
    },
  };
}

function createReorgMeters(meter: MetricMeter): Pick<Meters, "reorg" | "finalityContradiction"> {
  const reorgs = meter.createCounter("blockloom_reorgs", undefined, "Reorgs that were followed.");
  const reorgedBlocks = meter.createCounter(
    "blockloom_reorged_blocks",
    undefined,
    "Stored blocks that left the chain: the depths of all reorgs together.",
  );
  const contradictions = meter.createCounter(
    "blockloom_finality_contradictions",
    undefined,
    "Times that a node contradicted rows which were final; the job stands still until a person decides.",
  );
  return {
    reorg(network, depth) {
      reorgs.add(1, { network });
      reorgedBlocks.add(depth, { network });
    },
    finalityContradiction: (network) => contradictions.add(1, { network }),
  };
}
