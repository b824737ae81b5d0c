import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import * as errors from "../../src/errors.ts";

const root = resolve(import.meta.dirname, "../..");
const source = readFileSync(resolve(root, "src/errors.ts"), "utf8");
const document = readFileSync(resolve(root, "docs/errors.md"), "utf8");

const names = (text: string, pattern: RegExp) =>
  [...text.matchAll(pattern)].map((match) => match[1]!).toSorted();

test("docs/errors.md has one heading for each error that the code throws on purpose", () => {
  const classes = names(source, /^export class (\w+) extends (?:Transient|Permanent)Error/gm);
  expect(classes.length).toBeGreaterThan(10);
  expect(names(document, /^### (\w+)$/gm)).toEqual(classes);
});

test("docs/errors.md says of each whether it is retried, as the code does", () => {
  const permanent = names(source, /^export class (\w+) extends PermanentError/gm);
  const saysNot = document
    .split(/^### /m)
    .filter((section) => section.includes("Not retried"))
    .map((section) => section.split("\n", 1)[0]);
  expect(new Set(saysNot)).toEqual(new Set(permanent));
});

test("every error carries its class name as its name, whatever it stands for", () => {
  const error = new errors.StorageUnavailableError({ reason: "ECONNREFUSED" });
  expect(error).toMatchObject({ name: "StorageUnavailableError", retryable: true });
  expect(new errors.ConfigError("bad")).toMatchObject({ name: "ConfigError", retryable: false });
});

test("docs/errors.md explains every kind that is booked to a block", () => {
  const kinds = source.slice(
    source.indexOf("BlockErrorKind ="),
    source.indexOf("/** A fault of one block"),
  );
  expect(names(document, /^\| `(\w+)` \|/gm)).toEqual(names(kinds, /"(\w+)"/g));
});
