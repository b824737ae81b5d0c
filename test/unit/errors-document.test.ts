import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const source = readFileSync(resolve(root, "src/errors.ts"), "utf8");
const document = readFileSync(resolve(root, "docs/errors.md"), "utf8");

const names = (text: string, pattern: RegExp) =>
  [...text.matchAll(pattern)].map((match) => match[1]!).toSorted();

test("docs/errors.md has one heading for each error that the code throws on purpose", () => {
  const classes = names(source, /^export class (\w+) extends AppError/gm);
  expect(classes.length).toBeGreaterThan(10);
  expect(names(document, /^### (\w+)$/gm)).toEqual(classes);
});

test("every error carries its class name as its name", () => {
  expect(names(source, /override readonly name = "(\w+)"/g)).toEqual(
    names(source, /^export class (\w+) extends AppError/gm),
  );
});

test("docs/errors.md explains every kind that is booked to a block", () => {
  const kinds = source.slice(
    source.indexOf("BlockErrorKind ="),
    source.indexOf("/** A fault of one block"),
  );
  expect(names(document, /^\| `(\w+)` \|/gm)).toEqual(names(kinds, /"(\w+)"/g));
});
