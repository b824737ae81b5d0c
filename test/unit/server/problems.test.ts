import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { NoWorkerError, StorageRefusedError, UnknownNetworkError } from "../../../src/errors.ts";
import { toProblem } from "../../../src/server/problems.ts";

test("docs/api.md names every kind of problem, and no other", () => {
  const folder = "src/server";
  const source = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("\n");
  const document = readFileSync("docs/api.md", "utf8");
  const table = document.slice(document.indexOf("## Errors"), document.indexOf("## Access"));
  const rows = [...table.matchAll(/^\| [\d, ]+ \|([^|]+)\|/gm)].map(([, names]) => names);
  const documented = [...rows.join(" ").matchAll(/`([a-z-]+)`/g)].map(([, name]) => name);
  const thrown = [
    ...source.matchAll(
      /kind: "([a-z-]+-[a-z-]+|unauthenticated|timeout|unexpected|configuration)"/g,
    ),
  ];
  expect(new Set(documented)).toEqual(new Set(thrown.map(([, name]) => name)));
});

test("an error of ours keeps its words, facts and fix", () => {
  expect(toProblem(new NoWorkerError({ workflowId: "gap-fill/x" }))).toMatchObject({
    kind: "no-worker",
    status: 503,
    detail: 'No worker answers for "gap-fill/x".',
    fix: expect.stringContaining("npm run worker"),
    headers: { "retry-after": "5" },
  });
  expect(
    toProblem(new StorageRefusedError({ code: "60", type: "T", message: "no" })),
  ).toMatchObject({
    detail: "ClickHouse refused a statement. code 60 (T) no",
  });
  expect(toProblem(new UnknownNetworkError({ network: "x", known: ["y"] }))).toMatchObject({
    status: 404,
    fix: "name a configured one with ?network=NAME.",
  });
});

test("what nobody expected is told to nobody", () => {
  expect(toProblem(new Error("password=s3cret"))).toBeUndefined();
  expect(toProblem("text")).toBeUndefined();
  expect(toProblem(Object.assign(new Error("x"), { statusCode: 500 }))).toBeUndefined();
});
