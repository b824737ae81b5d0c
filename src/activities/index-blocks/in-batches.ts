/** ClickHouse takes lists as parameters of a request's URL, which is bounded. */
const listed = 1000;

/** The list in parts that one statement can name. */
export function inBatches<T>(list: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(list.length / listed) }, (_, i) =>
    list.slice(i * listed, (i + 1) * listed),
  );
}
