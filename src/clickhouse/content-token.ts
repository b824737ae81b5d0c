import { createHash } from "node:crypto";

/** A token made of what is inserted: the same rows again, also from another process, count once. */
export function contentToken(table: string, rows: readonly object[]): string {
  return `${table}:${createHash("sha256").update(JSON.stringify(rows)).digest("hex")}`;
}
