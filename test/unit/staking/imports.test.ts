import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const src = resolve(import.meta.dirname, "../../../src");
const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter(
  (file) => file.endsWith(".ts") && file.includes("staking"),
);
const importsOf = new Map(
  files.map((file) => {
    const text = readFileSync(join(src, file), "utf8");
    const targets = [...text.matchAll(/\bfrom "(\.[^"]+)"/g)].map(([, target = ""]) =>
      relative(src, join(src, dirname(file), target)),
    );
    return [file, targets] as const;
  }),
);

/** The way from a file back to itself; null where there is none. */
function circleOf(file: string): string[] | null {
  const ways = [[file]];
  const seen = new Set<string>();
  for (const way of ways) {
    for (const next of importsOf.get(way.at(-1) ?? "") ?? []) {
      if (next === file) return [...way, next];
      if (!seen.has(next)) ways.push([...way, next]);
      seen.add(next);
    }
  }
  return null;
}

test("no file of the staking service imports itself by way of others, types included", () => {
  expect(importsOf.get("staking/receipts.ts")).toContain("staking/explain-revert.ts");
  expect(files.flatMap((file) => circleOf(file) ?? [])).toEqual([]);
});
