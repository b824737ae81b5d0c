import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const document = readFileSync(resolve(root, "docs/architecture.md"), "utf8");

const isPath = (text: string) => /^(src|test)\//.test(text);

/** Files and functions of a line, in order: a function belongs to the file named last before it. */
function namesOf(line: string): { file: string | null; name: string }[] {
  const spans = [...line.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
  let file: string | null = null;
  return spans.flatMap((span) => {
    if (isPath(span)) file = span;
    return span.endsWith("()") ? [{ file, name: span.slice(0, -2) }] : [];
  });
}

/** Where a function, a method or a member that holds one begins; not where it is called with a dot. */
function defines(source: string, name: string): boolean {
  const modifiers = "(?:export |private |static |async |readonly |function\\*? |const |\\*)*";
  return new RegExp(`^\\s*${modifiers}#?${name}\\s*[(<:=]`, "m").test(source);
}

describe("docs/architecture.md", () => {
  const paths = [...document.matchAll(/(?:src|test)\/[\w./-]*\w\/?/g)].map((match) => match[0]);
  const functions = document.split("\n").flatMap(namesOf);

  test("names only files and folders that exist", () => {
    expect(paths.length).toBeGreaterThan(40);
    expect(paths.filter((path) => !existsSync(resolve(root, path)))).toEqual([]);
  });

  test("names only functions that the file before them defines", () => {
    expect(functions.length).toBeGreaterThan(30);
    const wrong = functions.filter(
      ({ file, name }) =>
        file === null || !defines(readFileSync(resolve(root, file), "utf8"), name),
    );
    expect(wrong).toEqual([]);
  });
});
