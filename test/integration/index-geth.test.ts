import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { createLedger } from "../../src/clickhouse/ledger.ts";
import { createNetworkStore } from "../../src/clickhouse/networks.ts";
import { createRangeStore } from "../../src/clickhouse/ranges.ts";
import { createRowStore } from "../../src/clickhouse/rows.ts";
import { processors } from "../../src/domain/processor.ts";
import { createExecutionNode } from "../../src/rpc/execution-node.ts";
import { readForkAt } from "../../src/rpc/fork-schedule.ts";
import { traceEngine } from "../../src/trace/trace-engine.ts";
import { startIndexBlocks } from "../support/activity-run.ts";
import { startTestClickHouse } from "../support/clickhouse.ts";
import { createFakeWorld } from "../support/fakes.ts";
import { hasGeth, startGeth } from "../support/geth.ts";
import { makeGethTraffic, rich } from "../support/geth-traffic.ts";
import { firstWrongRow, oracleRows, shownRows } from "../support/oracle-comparison.ts";

/** One turn through all of the demo's traffic. */
const trafficBlocks = 64;

const chains = [
  {
    chain: "under Osaka's rules is shown and proven",
    options: { fork: "osaka", rich } as const,
    proof: "proven",
  },
  // The newest rules of geth's developer mode are no released fork's: what depends on gas costs cannot be checked.
  { chain: "under unknown rules is shown, unverified", options: undefined, proof: "unverified" },
];

test.skipIf(!hasGeth).each(chains)(
  "geth: every step of a chain $chain",
  async ({ options, proof }) => {
    const [geth, clickhouse] = await Promise.all([startGeth(options), startTestClickHouse()]);
    try {
      const head = await makeGethTraffic(geth.url, 3, trafficBlocks);
      const node = createExecutionNode(
        { name: "geth", url: geth.url, headers: {} },
        { traceTimeoutMs: 60_000 },
      );
      const forkAt = await readForkAt(node.calls, { genesisFile: null, chainId: 1337 });
      const ledger = createLedger(clickhouse.client);
      const dependencies = {
        ...createFakeWorld().dependencies,
        network: async () => ({
          name: "net",
          node,
          processors,
          forkAt,
          headPolicy: "latest" as const,
          finalityDepth: 0,
          retryPolicy: { initialDelayMs: 1000, maximumDelayMs: 1000, maximumAttempts: 12 },
        }),
        rows: createRowStore(clickhouse.client),
        ledger,
        ranges: createRangeStore(clickhouse.client),
        networks: createNetworkStore(clickhouse.client),
        newAttemptId: () => randomBytes(8).readBigUInt64BE().toString(),
      };
      const engine = traceEngine;

      const result = await startIndexBlocks({
        dependencies,
        engine,
        input: { toBlock: head, processors },
      }).result;

      expect(result).toMatchObject({ blocks: head + 1, failedCount: 0, failed: [] });
      const range = { fromBlock: 0, toBlock: head };
      const rows = await ledger.read({
        network: "net",
        processors,
        range,
      });
      const traced = rows.filter((row) => row.transactionCount > 0);
      expect(new Set(traced.map((row) => row.proof))).toEqual(new Set([proof]));
      const expected = await oracleRows({
        rpcUrl: geth.url,
        forkAt: () => "osaka",
        ...range,
        aggregated: proof === "proven",
      });
      const shown = await shownRows(clickhouse.client, { network: "net", ...range });
      expect(shown.transactions).toEqual(expected.transactions);
      expect(firstWrongRow(shown.structlogs, expected.structlogs)).toBeNull();
      if (proof === "proven")
        expect(firstWrongRow(shown.aggregates, expected.aggregates)).toBeNull();
    } finally {
      await Promise.all([geth.stop(), clickhouse.stop()]);
    }
  },
  240_000,
);
