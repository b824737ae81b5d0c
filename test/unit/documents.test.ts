import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(resolve(root, path), "utf8");
const list = (folder: string, ending: string) =>
  readdirSync(resolve(root, folder))
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name}`);

const documents = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...list("docs", ".md")];

test.each(documents)("every link of %s leads to something", (path) => {
  const links = [...read(path).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!);
  const local = links.filter((link) => !/^(https?:|#)/.test(link));
  const broken = local.filter(
    (link) => !existsSync(resolve(root, dirname(path), link.replace(/#.*/, ""))),
  );
  expect(broken).toEqual([]);
});

test.each(documents)("every script that %s names exists", (path) => {
  const { scripts }: { scripts: object } = JSON.parse(read("package.json"));
  const named = [...read(path).matchAll(/npm run ([\w-]+)/g)].map((match) => match[1]!);
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});

test("README shows every script that a user runs and only variables that exist", () => {
  const readme = read("README.md");
  for (const script of ["demo", "dev", "client", "worker"]) {
    expect(readme).toContain(`npm run ${script}`);
  }
  const table = readme.slice(readme.indexOf("| variable |"), readme.indexOf("In production"));
  const variables = [...table.matchAll(/`([A-Z][A-Z_]+)`/g)].map((match) => match[1]!);
  expect(variables.length).toBeGreaterThan(15);
  const known = read(".env.example");
  expect(variables.filter((name) => !known.includes(`\n${name}=`))).toEqual([]);
});

test("pictures stay small", () => {
  const pictures = list("docs/images", ".png");
  expect(pictures.length).toBeGreaterThan(0);
  for (const picture of pictures) {
    expect(statSync(resolve(root, picture)).size, picture).toBeLessThan(300_000);
  }
});
