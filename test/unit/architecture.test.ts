import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const src = resolve(import.meta.dirname, "../../src");

/** What each room of src may import at run time from other rooms; `import type` is free (design, section 2). */
const arrows: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  errors: [],
  trace: ["domain"],
  config: ["errors"],
  workflows: ["domain"],
  activities: ["domain", "trace", "errors", "workflows/messages", "workflows/staking/messages"],
  rpc: ["domain", "trace", "errors"],
  clickhouse: ["domain", "trace", "errors"],
  temporal: ["domain", "errors", "workflows/messages", "workflows/staking/messages"],
  observability: ["domain", "errors"],
  staking: ["domain", "errors", "temporal", "client/temporal-call", "workflows/staking/messages"],
  client: [
    "workflows/messages",
    "workflows/staking/messages",
    "staking",
    "config",
    "domain",
    "errors",
    "clickhouse",
    "rpc",
    "temporal",
    "observability",
    "audit",
  ],
  server: [
    "workflows/messages",
    "workflows/staking/messages",
    "staking",
    "client",
    "config",
    "domain",
    "errors",
    "clickhouse",
    "temporal",
    "observability",
  ],
};
/** Packages a room may load; rooms that are absent may load any. */
const packages: Readonly<Record<string, RegExp>> = {
  domain: /^$/,
  errors: /^$/,
  trace: /^(@ethereumjs\/(rlp|mpt)|@noble\/hashes)/,
  workflows: /^@temporalio\/(workflow|common)$/,
  activities: /^(@temporalio\/(activity|common)|node:(crypto|events|timers\/promises))$/,
};

type Import = { readonly file: string; readonly room: string; readonly target: string };

function roomOf(path: string): string {
  return path.split("/")[0]!.replace(/\.ts$/, "");
}

function runtimeImports(): Import[] {
  const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".ts"),
  );
  return files.flatMap((file) => {
    const text = readFileSync(join(src, file), "utf8");
    const found = [
      ...text.matchAll(/^(?:import|export)\s+(?!type\b)(?:[^"';]*?from\s+)?"([^"]+)"/gm),
    ];
    const dynamic = [...text.matchAll(/\bimport\(\s*"([^"]+)"\s*\)/g)];
    return [...found, ...dynamic].map((match) => ({ file, room: roomOf(file), target: match[1]! }));
  });
}

describe("architecture", () => {
  const imports = runtimeImports();

  test("the rooms import each other only along the arrows", () => {
    const forbidden = imports.filter(({ file, room, target }) => {
      const allowed = arrows[room];
      if (!allowed || !target.startsWith(".")) return false;
      const path = relative(src, join(src, dirname(file), target));
      const targetRoom = roomOf(path);
      return (
        targetRoom !== room && !allowed.some((to) => to === targetRoom || path.startsWith(`${to}.`))
      );
    });
    expect(forbidden).toEqual([]);
  });

  test("the pure rooms and the workflow sandbox load no package that acts", () => {
    const forbidden = imports.filter(({ room, target }) => {
      const allowed = packages[room];
      return allowed && !target.startsWith(".") && !allowed.test(target);
    });
    expect(forbidden).toEqual([]);
  });

  test("the imports of the whole tree are seen", () => {
    expect(imports.length).toBeGreaterThan(50);
  });
});
