import { randomUUID } from "node:crypto";

/** A token for one insert into a small table: its HTTP retries count once, the next insert counts again. */
export function newToken(table: string): string {
  return `${table}:${randomUUID()}`;
}
