/** The last moment that a table's times hold (ClickHouse's DateTime64). */
const lastMs = Date.UTC(2299, 11, 31, 23, 59, 59, 999);

/**
 * When Redis took an entry of a stream, ISO: its id begins with it. Whoever may write to the stream may choose ids far
 * beyond every calendar, and later ones follow them; such a time is told as the end of 2299.
 * @param entryId - `<milliseconds>-<number>`, both up to 64 bits.
 */
export function entryTime(entryId: string): string {
  const milliseconds = Number(entryId.split("-", 1)[0]);
  return new Date(Math.min(milliseconds, lastMs)).toISOString();
}
