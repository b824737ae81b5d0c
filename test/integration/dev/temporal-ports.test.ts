import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { resolveTemporalCli } from "../../../src/dev/temporal-cli.ts";
import { startTemporal } from "../../../src/dev/temporal-server.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const words =
  "Error: can't set frontend port 1: listen tcp 127.0.0.1:1: bind: address already in use";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "blockloom-temporal-ports-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The real CLI, but that the first `times` starts find their port taken. Writes a line for every start. */
async function cliThatLosesPorts(name: string, times: number) {
  const cli = join(folder, name);
  const starts = join(folder, `${name}.starts`);
  const real = await resolveTemporalCli({ root });
  const script = [
    "#!/bin/sh",
    `echo start >> '${starts}'`,
    `[ $(wc -l < '${starts}') -gt ${times} ] && exec '${real}' "$@"`,
    `echo "${words}" >&2`,
    "exit 1",
  ];
  await writeFile(cli, `${script.join("\n")}\n`);
  await chmod(cli, 0o755);
  return { cli, starts: async () => (await readFile(starts, "utf8")).trim().split("\n").length };
}

const settings = (name: string) => ({
  dbFilename: join(folder, `${name}.db`),
  logFile: join(folder, `${name}.log`),
});

test("a free port that somebody takes before Temporal has it is let go for another", async () => {
  const { cli, starts } = await cliThatLosesPorts("once", 1);
  const server = await startTemporal({ cli, ...settings("once") });
  expect(server.process.isRunning()).toBe(true);
  expect(await starts()).toBe(2);
  await server.stop();
});

test("a port that was asked for, or no luck at all, is an error with Temporal's own words", async () => {
  const asked = await cliThatLosesPorts("asked", 1);
  const refused = startTemporal({ cli: asked.cli, ...settings("asked"), port: 1 });
  await expect(refused).rejects.toThrow(words);
  expect(await asked.starts()).toBe(1);
  const never = await cliThatLosesPorts("never", 99);
  await expect(startTemporal({ cli: never.cli, ...settings("never") })).rejects.toThrow(words);
  expect(await never.starts()).toBe(3);
});
