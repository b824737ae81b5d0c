import Table from "cli-table3";

/** A line of a closing table. */
export type Line = {
  readonly what: string;
  readonly value: string;
  /** false: the demo has not proven what it promises. */
  readonly isRight: boolean;
};

const noLinesBetweenRows = { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" };

export function line(what: string, value: string, isRight = true): Line {
  return { what, value, isRight };
}

/** @returns The table, and whether all of it is proven. */
export function closeTable(lines: readonly Line[]): { text: string; isProven: boolean } {
  const table = new Table({ chars: noLinesBetweenRows, style: { border: [] } });
  table.push(...lines.map(({ what, value, isRight }) => [what, value, isRight ? "ok" : "WRONG"]));
  return { text: table.toString(), isProven: lines.every(({ isRight }) => isRight) };
}
