import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type GoldenTransaction,
  type TracedGolden,
  traceGolden,
} from "../../../../src/dev/golden.ts";
import { firstDifference } from "../../../../src/dev/golden-comparison.ts";
import type { PlainRow } from "../../../../src/dev/golden-rows.ts";
import { type ClientEra, clientEras, type WireTrace } from "./eras.ts";

const folder = existsSync("../shared/golden") ? "../shared/golden" : "examples/golden";
const goldens = readdirSync(folder)
  .filter((file) => file.endsWith(".json"))
  .flatMap((file): GoldenTransaction[] => JSON.parse(readFileSync(join(folder, file), "utf8")));

/** Numbers above 2^53 occur in no trace that is rewritten here, so JSON.parse reads them. */
function writtenBy(era: ClientEra, golden: GoldenTransaction): GoldenTransaction {
  const trace: WireTrace = JSON.parse(golden.trace);
  const written = JSON.stringify(era.write(trace, golden), (_, value: unknown) =>
    typeof value === "bigint" ? `bigint:${value}` : value,
  ).replace(/"bigint:(\d+)"/g, "$1");
  return { ...golden, trace: written };
}

function withoutRefunds(rows: readonly PlainRow[]): PlainRow[] {
  return rows.map((row) => (row["refund"] === null ? row : { ...row, refund: 0 }));
}

/** What a step costs that halts differs from client to client; what it used does not. */
function withoutCostsOfHalts(rows: readonly PlainRow[]): PlainRow[] {
  return rows.map((row) => (row["error"] === true ? { ...row, gas_cost: null } : row));
}

/** Besu writes a call of a lone STOP as it writes a plain transfer: no rule tells them apart. */
function isLoneStop({ trace }: GoldenTransaction): boolean {
  const { structLogs }: WireTrace = JSON.parse(trace);
  return structLogs.length === 1 && structLogs[0]?.op === "STOP";
}

const isReadable = ({ trace }: GoldenTransaction) => !/:\d{16,}/.test(trace);

function sameRows(era: ClientEra, expected: TracedGolden, actual: TracedGolden): void {
  const steps = era.hidesRefunds ? withoutRefunds(expected.rows) : expected.rows;
  expect(firstDifference(withoutCostsOfHalts(steps), withoutCostsOfHalts(actual.rows))).toBeNull();
  expect(firstDifference(expected.aggRows, actual.aggRows)).toBeNull();
}

const expectations = new Map<string, TracedGolden>();
function expectedOf(golden: GoldenTransaction, stacks: boolean): TracedGolden {
  const key = `${golden.id} ${stacks}`;
  const expected = expectations.get(key) ?? traceGolden(golden, { stacks });
  expectations.set(key, expected);
  return expected;
}

describe.each(clientEras)("traces as $name writes them", (era) => {
  const alike = goldens
    .filter((golden) => golden.client === era.like && isReadable(golden))
    .filter((golden) => !era.logsTransfers || !isLoneStop(golden));

  it.each([true, false])("give the same rows and are proven (stacks: %s)", (stacks) => {
    expect(alike.length).toBeGreaterThan(0);
    for (const golden of alike) {
      const written = writtenBy(era, golden);
      const expected = expectedOf(golden, stacks);
      const { clientVersion } = era;
      const actual = traceGolden(written, { stacks, clientVersion });
      expect(actual.proof.detail.unverified, golden.id).toEqual([]);
      sameRows(era, expected, actual);
    }
  });
});

describe("a client that gives no sign of a halt where none measured does so", () => {
  const loudOps = new Set(["MSTORE", "KECCAK256", "CREATE"]);
  const silent = goldens.flatMap((golden): GoldenTransaction[] => {
    if (golden.client !== "anvil" || !isReadable(golden)) return [];
    const trace: WireTrace = JSON.parse(golden.trace);
    const halt = trace.structLogs.find(({ error, op }) => error !== undefined && loudOps.has(op));
    if (halt === undefined) return [];
    delete halt.error;
    halt.gasCost = 3;
    return [{ ...golden, trace: JSON.stringify(trace) }];
  });

  it("is believed, and the block ends unverified with the opcode's name", () => {
    expect(silent.length).toBeGreaterThan(0);
    for (const golden of silent) {
      const { proof } = traceGolden(golden, { clientVersion: "ethrex/v7.0.0" });
      expect(proof.proof).toBe("unverified");
      expect(proof.detail.unverified).toEqual([
        {
          check: "frame_end",
          why: expect.stringMatching(
            /^halts that the client gives no sign of: (?:MSTORE|KECCAK256|CREATE)$/,
          ),
        },
      ]);
    }
  });

  it("is a hole in the trace of a client that was measured", () => {
    for (const golden of silent) {
      expect(() => traceGolden(golden)).toThrow(expect.objectContaining({ check: "frame_end" }));
    }
  });
});
