import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { choosePort } from "../../../src/dev/ports.ts";
import { type RunningProcess, startProcess } from "../../../src/dev/processes.ts";
import { SupervisedServer } from "../../../src/dev/supervised-server.ts";
import { waitUntil } from "../../../src/dev/wait-until.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "blockloom-supervised-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const start = (): RunningProcess =>
  startProcess({ name: "it", command: "sleep", args: ["600"], logFile: join(folder, "log") });

test("a server that is killed is started again and said to be; one that is stopped stays away", async () => {
  const lines: string[] = [];
  const started: RunningProcess[] = [start()];
  const [first] = started;
  if (first === undefined) throw new Error("unreachable");
  const supervised = new SupervisedServer(first, {
    name: "The server",
    restart: async () => {
      const again = start();
      started.push(again);
      return again;
    },
    report: (line) => lines.push(line),
  });

  await first.kill();
  await waitUntil(() => lines.includes("The server is back"), { what: "another server" });
  expect(lines).toEqual([
    "The server ended without being asked to; starting it again",
    "The server is back",
  ]);
  expect(started.map((process) => process.isRunning())).toEqual([false, true]);

  await supervised.stop();
  expect(started.map((process) => process.isRunning())).toEqual([false, false]);
  expect(lines).toHaveLength(2);
});

test("a server that does not start again says why and is tried until it is stopped", async () => {
  const lines: string[] = [];
  const first = start();
  const supervised = new SupervisedServer(first, {
    name: "The server",
    restart: () => Promise.reject(new Error("Its disk is gone.")),
    report: (line) => lines.push(line),
  });
  await first.kill();
  await waitUntil(() => lines.length >= 2, { what: "the reason" });
  expect(lines[1]).toBe("The server does not start; trying again in 5 s. Its disk is gone.");
  await supervised.stop();
});

test("a port that something listens on is refused by its flag before anything starts", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await expect(choosePort(port, "--ui-port")).rejects.toThrow(
    /Port \d+ is taken\.\n {2}Fix: .*--ui-port/,
  );
  server.close();
});
