import { expect, test } from "vitest";
import type { Coverage, Ledger } from "../../../src/activities/ports.ts";
import { readCoverage } from "../../../src/client/coverage.ts";
import { formatCoverage } from "../../../src/client/views/coverage-view.ts";

const proven: Coverage = {
  network: "devnet",
  processor: "structlog",
  expected: [{ fromBlock: 0, toBlock: 9 }],
  blocks: { proven: 10, unverified: 0, failed: 0, quarantined: 0, missing: 0 },
  ranges: [{ fromBlock: 0, toBlock: 9, status: "proven" }],
  transactionCount: 20,
  rowCount: 1000,
  miscounted: [],
  duplicates: 0,
  lastRecountAt: null,
};

function ask(coverage: Partial<Coverage>, window: { fromBlock?: number; toBlock?: number } = {}) {
  const ledger: Pick<Ledger, "coverage"> = {
    coverage: async ({ processor }) => ({ ...proven, ...coverage, processor }),
  };
  return readCoverage(ledger, {
    network: "devnet",
    processors: ["structlog", "transaction"],
    verify: false,
    ...window,
  });
}

test("is proven when all that is expected is", async () => {
  const report = await ask({});
  expect(report.proven).toBe(true);
  expect(formatCoverage(report)).toContain("Proven: all of devnet, 10 blocks.");
});

test.each(["unverified", "failed", "quarantined", "missing"] as const)(
  "one %s block is enough for not proven",
  async (status) => {
    const report = await ask({
      blocks: { ...proven.blocks, proven: 9, [status]: 1 },
      ranges: [
        { fromBlock: 0, toBlock: 8, status: "proven" },
        { fromBlock: 9, toBlock: 9, status },
      ],
    });
    expect(report.proven).toBe(false);
    expect(formatCoverage(report)).toContain(`structlog 9: ${status}, 1 block`);
  },
);

test.each([{ miscounted: [3] }, { duplicates: 1 }])("stored rows decide too: %o", async (found) => {
  expect((await ask(found)).proven).toBe(false);
});

test("nothing expected is not proven, and says how to begin", async () => {
  const blocks = { proven: 0, unverified: 0, failed: 0, quarantined: 0, missing: 0 };
  const report = await ask({ expected: [], ranges: [], blocks });
  expect(report.proven).toBe(false);
  expect(formatCoverage(report)).toContain("nothing of devnet was ever asked for here");
});

test("a window that reaches beyond what is expected is not proven, and names the rest", async () => {
  const report = await ask({}, { fromBlock: 5, toBlock: 12 });
  expect(report.proven).toBe(false);
  expect(report.processors[0]?.notExpected).toEqual([{ fromBlock: 10, toBlock: 12 }]);
  expect(formatCoverage(report)).toContain("structlog 10-12: not expected");
});

test("people see the first 20 problems, and how many more there are", async () => {
  const ranges = Array.from({ length: 30 }, (_, block) => ({
    fromBlock: block * 2,
    toBlock: block * 2,
    status: "missing" as const,
  }));
  const text = formatCoverage(await ask({ ranges, blocks: { ...proven.blocks, missing: 30 } }));
  expect(text).toContain("and 40 more (--json)");
});
