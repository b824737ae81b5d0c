import { dataTables, type Processor } from "../domain/processor.ts";
import type { ClickHouse } from "./client.ts";
import type { Cell } from "./native-values.ts";
import { structlogAggColumnNames } from "./structlog-agg-block.ts";
import { structlogColumnNames } from "./structlog-block.ts";
import { transactionColumnNames } from "./transaction-block.ts";

/** Columns of the write, which two attempts never share. */
const ofTheWrite: ReadonlySet<string> = new Set(["updated_date_time", "attempt_id"]);
const comparable = (names: readonly string[]) => names.filter((name) => !ofTheWrite.has(name));

/** What two attempts at the same block must agree on. */
export const comparedColumns: Readonly<Record<Processor, readonly string[]>> = {
  structlog: comparable(structlogColumnNames),
  structlog_agg: comparable(structlogAggColumnNames),
  transaction: comparable(transactionColumnNames),
};

/** What tells the rows of one attempt apart: the rest of the tables' sort order. */
export const rowKeys: Readonly<Record<Processor, readonly string[]>> = {
  structlog: ["transaction_index", "index", "call_frame_id"],
  structlog_agg: ["transaction_index", "call_frame_id", "operation"],
  transaction: ["position"],
};

const rowsPerPage = 20_000;

type Attempt = {
  readonly network: string;
  readonly processor: Processor;
  readonly blockNumber: number;
  readonly attemptId: string;
};

/** The rows of one attempt in the order of their key, page by page. */
export async function* readStoredRows(
  clickhouse: ClickHouse,
  attempt: Attempt,
): AsyncGenerator<readonly (readonly Cell[])[]> {
  const { network, processor, blockNumber, attemptId } = attempt;
  const columns = comparedColumns[processor];
  const key = rowKeys[processor];
  const keyOf = (row: readonly Cell[]) => key.map((name) => row[columns.indexOf(name)] ?? "");
  let from: readonly string[] | null = null;
  /** Rows under the key `from` that were told already: a row that stands twice may lie on a border of pages. */
  let told = 0;
  for (;;) {
    const rows: { cells: Cell[] }[] = await clickhouse.query<{ cells: Cell[] }>(
      `SELECT [${columns.map(asText).join(", ")}] AS cells FROM ${dataTables[processor]}
       WHERE meta_network_name = {network:String} AND block_number = {blockNumber:UInt64}
         AND attempt_id = {attemptId:UInt64} ${from === null ? "" : `AND ${notBelow(key)}`}
       ORDER BY meta_network_name, block_number, attempt_id, ${key.map(quoted).join(", ")}
       LIMIT ${rowsPerPage + told}`,
      {
        parameters: {
          network,
          blockNumber,
          attemptId,
          ...Object.fromEntries((from ?? []).map((value, index) => [`key${index}`, value])),
        },
      },
    );
    const page = rows.slice(told).map(({ cells }) => cells);
    yield page;
    const last = page.at(-1);
    if (last === undefined || rows.length < rowsPerPage + told) return;
    const lastKey = keyOf(last);
    const isSameKey = (row: readonly Cell[]) => keyOf(row).join() === lastKey.join();
    told = page.filter(isSameKey).length + (from?.join() === lastKey.join() ? told : 0);
    from = lastKey;
  }
}

/** Rows from a key on. The first two conditions say no more than the third; by them the primary key prunes. */
function notBelow(key: readonly string[]): string {
  const bounds = key.map(
    (name, index) => `{key${index}:${name === "operation" ? "String" : "UInt64"}}`,
  );
  const [first, second] = key.map(quoted);
  const whole = `(${key.map(quoted).join(", ")}) >= (${bounds.join(", ")})`;
  if (second === undefined) return `${first} >= ${bounds[0]}`;
  return `${first} >= ${bounds[0]} AND (${first} > ${bounds[0]} OR ${second} >= ${bounds[1]}) AND ${whole}`;
}

function quoted(name: string): string {
  return `\`${name}\``;
}

const arrays: ReadonlySet<string> = new Set(["call_frame_path", "blob_hashes"]);

/** A column as a {@link Cell}, made by the server: it writes numbers faster than JavaScript reads them. */
function asText(name: string): string {
  const column = quoted(name);
  return arrays.has(name)
    ? `concat('[', arrayStringConcat(arrayMap(item -> toString(item), ${column}), ','), ']')`
    : `toString(${column})`;
}
