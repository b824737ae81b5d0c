import { execFile, spawn } from "node:child_process";
import { constants } from "node:fs";
import { access, mkdir, rename, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";

/** One way to come by the CLI: the path, or why it did not work. */
type Attempt = { readonly path: string } | { readonly why: string };

type ResolveOptions = {
  /** The project's folder, where `.tools` and `tools/temporal` are. */
  readonly root: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Told before every step that takes longer than a moment. */
  readonly report?: (line: string) => void;
  /** Limit of the download; a machine without access to the internet should not wait long. Default 20 s. */
  readonly downloadTimeoutMs?: number;
};

const downloadInfo = z.object({ archiveUrl: z.url(), fileToExtract: z.string() });
const run = promisify(execFile);
const cliPackage = "github.com/temporalio/cli/cmd/temporal";

/**
 * Finds the Temporal CLI, or makes one: `$TEMPORAL_CLI_PATH`, `temporal` on the PATH, the cached `.tools/bin/temporal`,
 * Temporal's own download, a build from `tools/temporal` (about 4 minutes the first time).
 * @throws {Error} With the reason of each way that failed.
 */
export async function resolveTemporalCli(options: ResolveOptions): Promise<string> {
  const env = options.env ?? process.env;
  const cached = join(options.root, ".tools", "bin", "temporal");
  if (env["TEMPORAL_CLI_PATH"]) return requireNamed(env["TEMPORAL_CLI_PATH"]);
  const onPath = await findOnPath("temporal", env["PATH"] ?? "");
  if (onPath) return onPath;
  if (await isExecutable(cached)) return cached;

  const ways = [() => download(cached, options), () => build(cached, options, env)];
  const failures: string[] = [];
  for (const way of ways) {
    const attempt = await way();
    if ("path" in attempt) return attempt.path;
    failures.push(attempt.why);
  }
  throw new Error(
    [
      "The Temporal CLI is missing and could not be made.",
      ...failures.map((why) => `  ${why}`),
      "  Fix: install it (https://docs.temporal.io/cli) so that `temporal` is on the PATH, or name it in TEMPORAL_CLI_PATH.",
    ].join("\n"),
  );
}

async function requireNamed(path: string): Promise<string> {
  if (await isExecutable(path)) return path;
  throw new Error(
    `TEMPORAL_CLI_PATH names no program that can be run: ${path}\n  Fix: correct it, or unset it to let blockloom find the CLI.`,
  );
}

async function findOnPath(program: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter).filter(Boolean)) {
    if (await isExecutable(join(folder, program))) return join(folder, program);
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** The archive that the SDK's own test environment fetches, under our time limit. */
async function download(target: string, options: ResolveOptions): Promise<Attempt> {
  const platform = process.platform;
  const arch = process.arch === "x64" ? "amd64" : process.arch;
  const timeoutMs = options.downloadTimeoutMs ?? 20_000;
  options.report?.(`Temporal CLI: downloading (at most ${timeoutMs / 1000} s) ...`);
  const folder = `${target}.download`;
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const info = await fetch(
      `https://temporal.download/cli/default?platform=${platform}&arch=${arch}&format=tar.gz&sdk-name=sdk-typescript`,
      { signal },
    );
    if (!info.ok) throw new Error(`HTTP ${info.status}`);
    const { archiveUrl, fileToExtract } = downloadInfo.parse(await info.json());
    await mkdir(folder, { recursive: true });
    await extract(archiveUrl, folder, fileToExtract, signal);
    await rename(join(folder, fileToExtract), target);
    return { path: target };
  } catch (error) {
    return { why: `download: ${reasonOf(error)}` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function extract(
  url: string,
  folder: string,
  file: string,
  signal: AbortSignal,
): Promise<void> {
  const response = await fetch(url, { signal });
  if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`);
  const tar = spawn("tar", ["-xzf", "-", "-C", folder, file], {
    stdio: ["pipe", "ignore", "ignore"],
    signal,
  });
  const done = new Promise<void>((resolve, reject) => {
    tar.once("error", reject);
    tar.once("exit", (code) =>
      code === 0 ? resolve() : reject(new Error(`tar ended with ${code}`)),
    );
  });
  tar.stdin.on("error", () => {}); // tar may stop reading early; its exit code tells whether that was well
  for await (const chunk of response.body) tar.stdin.write(chunk);
  tar.stdin.end();
  await done;
}

async function build(
  target: string,
  options: ResolveOptions,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Attempt> {
  options.report?.(
    "Temporal CLI: building it from its Go module, about 4 minutes the first time ...",
  );
  const half = `${target}.${process.pid}.building`;
  const started = Date.now();
  const progress = setInterval(() => {
    const seconds = Math.round((Date.now() - started) / 1000);
    options.report?.(`Temporal CLI: still building, ${seconds} s ...`);
  }, 30_000);
  try {
    await mkdir(join(options.root, ".tools", "bin"), { recursive: true });
    await run("go", ["build", "-trimpath", "-ldflags", "-s -w", "-o", half, cliPackage], {
      cwd: join(options.root, "tools", "temporal"),
      env: { ...env, CGO_ENABLED: "0" },
      maxBuffer: 64 * 1024 * 1024,
    });
    await rename(half, target); // whole or not there: another process may look for it right now
    return { path: target };
  } catch (error) {
    return { why: `go build: ${reasonOf(error)}` };
  } finally {
    clearInterval(progress);
    await rm(half, { force: true });
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ("code" in error && error.code === "ENOENT") return "Go is not installed";
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return `${error.message.trim().split("\n").slice(0, 5).join(" / ")}${cause}`;
}
