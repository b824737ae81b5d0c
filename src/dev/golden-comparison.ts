import type { GoldenRows, PlainRow } from "./golden-rows.ts";

/** Compares the keys that the expected rows have, in any order of rows; null = equal. */
export function firstDifference(
  expected: readonly PlainRow[],
  actual: readonly PlainRow[],
): string | null {
  const wanted = expected.toSorted(byPlace);
  const given = actual.toSorted(byPlace);
  for (const [position, row] of wanted.entries()) {
    const other = given[position];
    if (other === undefined) return `row ${place(row)} is missing`;
    for (const [key, value] of Object.entries(row)) {
      if (JSON.stringify(other[key]) !== JSON.stringify(value)) {
        return `row ${place(row)}, ${key}: expected ${JSON.stringify(value)}, actual ${JSON.stringify(other[key])}`;
      }
    }
  }
  const more = given[wanted.length];
  return more === undefined ? null : `row ${place(more)} should not be`;
}

function byPlace(a: PlainRow, b: PlainRow): number {
  return (
    stepOf(a) - stepOf(b) ||
    Number(a["call_frame_id"]) - Number(b["call_frame_id"]) ||
    (String(a["operation"]) < String(b["operation"]) ? -1 : 1)
  );
}

/** Rows of structlog_agg belong to no step. */
function stepOf(row: PlainRow): number {
  return Number(row["index"] ?? row["position"] ?? 0);
}

function place(row: PlainRow): string {
  const numbers = [row["index"] ?? row["position"], row["call_frame_id"]].filter(Number.isInteger);
  return [...numbers, row["operation"] ?? []].join("/");
}

const memoryColumns = [
  "memory_words_sum_before",
  "memory_words_sum_after",
  "memory_words_sq_sum_before",
  "memory_words_sq_sum_after",
  "memory_expansion_gas",
];
const calls = ["CALL", "CALLCODE", "DELEGATECALL", "STATICCALL"];

/** The rows as the way without stacks gives them: what it cannot know is NULL, all else is the same. */
export function withoutStacks(rows: GoldenRows): GoldenRows {
  const { structlog, structlog_agg: agg, transaction } = rows;
  const withoutTargets = structlog.map((row) =>
    row["error"] === true && calls.includes(String(row["operation"]))
      ? { ...row, call_to_address: null }
      : row,
  );
  if (agg === undefined) return { structlog: withoutTargets, transaction };
  return {
    structlog: withoutTargets,
    structlog_agg: agg.map((row) => aggWithoutStacks(row, agg)),
    transaction,
  };
}

function aggWithoutStacks(row: PlainRow, all: readonly PlainRow[]): PlainRow {
  if (row["opcode_count"] === 0) return row;
  const frame = all.filter(
    (other) => other["call_frame_id"] === row["call_frame_id"] && other["operation"] !== "",
  );
  const summed = row["operation"] === "" ? frame : [row];
  return {
    ...row,
    ...Object.fromEntries(memoryColumns.map((column) => [column, null])),
    ...(summed.some(hidesAccesses) ? { cold_access_count: null } : {}),
  };
}

/** Operands decide what such an opcode accessed, unless it always halted. */
function hidesAccesses(row: PlainRow): boolean {
  const ran = Number(row["opcode_count"]) > Number(row["error_count"]);
  return ran && [...calls, "EXTCODECOPY"].includes(String(row["operation"]));
}
