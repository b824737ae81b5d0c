import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { resolveTemporalCli } from "../../../src/dev/temporal-cli.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "blockloom-cli-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function makeProgram(...path: string[]): Promise<string> {
  const file = join(root, ...path);
  await mkdir(join(file, ".."), { recursive: true });
  await writeFile(file, "#!/bin/sh\n");
  await chmod(file, 0o755);
  return file;
}

test("takes the program that TEMPORAL_CLI_PATH names before all others", async () => {
  const named = await makeProgram("named", "temporal");
  await makeProgram("path", "temporal");
  const env = { TEMPORAL_CLI_PATH: named, PATH: join(root, "path") };
  expect(await resolveTemporalCli({ root, env })).toBe(named);
});

test("refuses a TEMPORAL_CLI_PATH that names nothing, instead of taking another one", async () => {
  await makeProgram("path", "temporal");
  const env = { TEMPORAL_CLI_PATH: join(root, "nothing"), PATH: join(root, "path") };
  await expect(resolveTemporalCli({ root, env })).rejects.toThrow(/TEMPORAL_CLI_PATH.*\n.*Fix:/);
});

test("takes the one on the PATH before the cached one, and the cached one when PATH has none", async () => {
  const cached = await makeProgram(".tools", "bin", "temporal");
  const onPath = await makeProgram("path", "temporal");
  expect(await resolveTemporalCli({ root, env: { PATH: join(root, "path") } })).toBe(onPath);
  expect(await resolveTemporalCli({ root, env: { PATH: join(root, "empty") } })).toBe(cached);
});

test("says why each way failed when the CLI is nowhere and cannot be made", async () => {
  const said: string[] = [];
  const resolving = resolveTemporalCli({
    root,
    env: { PATH: join(root, "empty") },
    downloadTimeoutMs: 1,
    report: (line) => said.push(line),
  });
  await expect(resolving).rejects.toThrow(/download: [^]*go build: [^]*Fix: install it/);
  expect(said).toEqual([
    expect.stringContaining("downloading"),
    expect.stringContaining("building it from its Go module"),
  ]);
});
