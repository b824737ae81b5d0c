import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { waitUntil } from "../../../src/dev/wait-until.ts";
import { processesOf, runScript } from "./run-script.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "blockloom-demo-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const demo = (...args: string[]) =>
  runScript(["dist/dev/demo.js", "--data", folder, "--rows", "250000", ...args]);

test("the demo with --exit tells its story, proves it, and leaves nothing running", async () => {
  const { exited, output } = demo("--exit");
  const code = await exited;
  expect(code, output()).toBe(0);
  expect(output()).toMatch(/proven +│ 100\.0 % +│ ok/);
  expect(output()).toMatch(/failed and recovered +│ 2 +│ ok/);
  expect(output()).toMatch(/worker kills +│ 1 +│ ok/);
  expect(output()).not.toContain("WRONG");
  await expect.poll(() => processesOf(folder)).toEqual([]);
}, 300_000);

test("Ctrl-C stops all that the demo started, and the same data goes on where it was", async () => {
  for (const round of ["fresh", "again"]) {
    const { child, exited, output } = demo();
    await waitUntil(() => output().includes("the backfill is done"), {
      what: `the ${round} demo's backfill (${folder})`,
      timeoutMs: 120_000,
    });
    expect(existsSync(join(folder, "stack.env"))).toBe(true);
    if (child.pid === undefined) throw new Error("no process");
    process.kill(-child.pid, "SIGINT"); // a terminal sends it to the whole group
    expect(await exited, output()).toBe(0);
    await expect.poll(() => processesOf(folder)).toEqual([]);
    expect(existsSync(join(folder, "stack.env"))).toBe(false);
  }
}, 300_000);

test("a demo that is killed takes all that it started with it", async () => {
  const { child, exited, output } = demo();
  await waitUntil(() => existsSync(join(folder, "stack.env")), {
    what: "the stack",
    timeoutMs: 120_000,
  });
  child.kill("SIGKILL");
  await exited;
  await waitUntil(() => processesOf(folder).length === 0, {
    what: `the end of ${output().length > 0 ? "what it started" : ""}`,
  });
});
