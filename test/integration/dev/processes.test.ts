import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startProcess } from "../../../src/dev/processes.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";

let folder: string;
let logFile: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "blockloom-processes-"));
  logFile = join(folder, "log");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A zombie (Z: dead, not yet collected by its new parent) does not count as alive. */
function isAlive(pid: number): boolean {
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
  return stdout.trim() !== "" && !stdout.startsWith("Z");
}

test("stops a program with SIGTERM and tells how it ended", async () => {
  const sleeper = startProcess({ name: "sleeper", command: "sleep", args: ["600"], logFile });
  expect(isAlive(sleeper.pid)).toBe(true);
  await sleeper.stop();
  expect(await sleeper.exited).toEqual({ code: null, signal: "SIGTERM" });
  expect(sleeper.isRunning()).toBe(false);
});

test("kills a program that ignores SIGTERM after the grace", async () => {
  const stubborn = startProcess({
    name: "stubborn",
    command: process.execPath,
    args: [
      "-e",
      "process.on('SIGTERM', () => {}); console.log('ready'); setInterval(() => {}, 9e5)",
    ],
    logFile,
  });
  await waitUntil(() => stubborn.tail().endsWith("ready"), { what: "ready" });
  await stubborn.stop(100);
  expect(await stubborn.exited).toEqual({ code: null, signal: "SIGKILL" });
});

test("kills what the program started along with it", async () => {
  const parent = startProcess({
    name: "parent",
    command: "sh",
    args: ["-c", "sleep 600 & echo child $!; wait"],
    logFile,
  });
  const child = await waitUntil(() => /child (\d+)/.exec(parent.tail())?.[1], {
    what: "the child",
  });
  await parent.kill();
  await waitUntil(() => !isAlive(Number(child)), { what: "the child's end" });
});

test("reports a program that does not exist as ended with code 127", async () => {
  const missing = startProcess({ name: "missing", command: "/no/such/program", logFile });
  expect((await missing.exited).code).toBe(127);
});

test("a program dies when the process that started it is killed", async () => {
  const parent = spawn(
    process.execPath,
    ["--import", "tsx", join(import.meta.dirname, "../../support/processes.ts"), logFile],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const [line] = await once(parent.stdout, "data");
  const pid = Number(String(line));
  expect(isAlive(pid)).toBe(true);
  parent.kill("SIGKILL");
  await waitUntil(() => !isAlive(pid), { what: "the program's end" });
});
