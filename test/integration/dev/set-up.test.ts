import { execFileSync, spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../../..");
let copy: string;

/** A project as small as the scripts need it: their own files, a program, and a stand-in for the build. */
beforeEach(async () => {
  copy = await mkdtemp(join(tmpdir(), "blockloom-set-up-"));
  await cp(join(root, "scripts"), join(copy, "scripts"), { recursive: true });
  await mkdir(join(copy, "src"));
  await writeFile(
    join(copy, "src", "program.js"),
    "console.log('first', ...process.argv.slice(2))",
  );
  await symlink(join(root, "node_modules"), join(copy, "node_modules"));
  for (const file of ["package-lock.json", "tsconfig.json", "tsconfig.build.json"]) {
    await cp(join(root, file), join(copy, file), { preserveTimestamps: true });
  }
  await writeFile(
    join(copy, "scripts", "build.sh"),
    'cd "$(dirname "$0")/.." && mkdir -p dist && sleep 0.3 && cp src/program.js dist/ && echo built >>builds && touch dist/.built',
  );
});
afterEach(() => rm(copy, { recursive: true, force: true }));

const run = (...args: string[]) =>
  spawnSync("bash", [join(copy, "scripts/run.sh"), ...args], { encoding: "utf8" });
const builds = () => execFileSync("cat", [join(copy, "builds")], { encoding: "utf8" });

test("builds once, then only when a source is newer", async () => {
  expect(run("dist/program.js", "a", "b c").stdout).toBe("first a b c\n");
  expect(run("dist/program.js").stdout).toBe("first\n");
  expect(builds()).toBe("built\n");
  await writeFile(join(copy, "src", "program.js"), "console.log('second')");
  expect(run("dist/program.js").stdout).toBe("second\n");
  expect(builds()).toBe("built\nbuilt\n");
});

test("--quiet says nothing but what the program says", () => {
  expect(run("--quiet", "dist/program.js")).toMatchObject({ stdout: "first\n", stderr: "" });
});

test("the exit code is the program's", async () => {
  await writeFile(join(copy, "src", "program.js"), "process.exit(3)");
  expect(run("dist/program.js").status).toBe(3);
});

test("callers at the same time build once", () => {
  const all = "for i in 1 2 3; do bash scripts/run.sh dist/program.js & done; wait";
  expect(execFileSync("bash", ["-c", all], { cwd: copy, encoding: "utf8" })).toBe(
    "first\nfirst\nfirst\n",
  );
  expect(builds()).toBe("built\n");
});

test("a lock whose owner was killed does not stop the next one", async () => {
  const { pid } = spawnSync("true");
  await mkdir(join(copy, ".tools", "setup.lock"), { recursive: true });
  await writeFile(join(copy, ".tools", "setup.lock", "pid"), String(pid));
  expect(run("dist/program.js").stdout).toBe("first\n");
});

test("a build that fails shows its output and ends with 1", async () => {
  await writeFile(join(copy, "scripts", "build.sh"), "echo 'no such type'; exit 2");
  const { status, stdout, stderr } = run("--quiet", "dist/program.js");
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toContain("no such type");
});
