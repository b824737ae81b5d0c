import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../../..");
const read = (path: string) => readFileSync(resolve(root, path), "utf8");
const sources = [
  "src/domain/staking/parse-stake-call.ts",
  "src/domain/staking/revert-class.ts",
  "src/domain/staking/signature-form.ts",
  "src/staking/check-calls.ts",
  "src/staking/explain-revert.ts",
];

test("docs/staking.md tells what follows from each reason about a request", () => {
  const codes = sources.flatMap((path) =>
    [...read(path).matchAll(/"([A-Z][A-Z_]{4,})"/g)].map(([, code]) => code),
  );
  const section = /## What is looked at, and reasons\n(.*?)\n## /s.exec(
    read("docs/staking.md"),
  )?.[1];
  const rows = (section ?? "").split("\n").filter((line) => line.startsWith("| `"));
  const told = rows.flatMap((row) =>
    [...(row.split("|")[1] ?? "").matchAll(/`([A-Z_]+)`/g)].map(([, code]) => code),
  );
  expect(new Set(codes).size).toBeGreaterThan(20);
  expect(new Set(told)).toEqual(new Set(codes));
});
