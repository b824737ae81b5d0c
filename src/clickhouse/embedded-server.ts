import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { AppError, ConfigError } from "../errors.ts";
import { openEngine } from "./embedded/engine.ts";
import { createFront } from "./embedded/front.ts";

/**
 * Runs an embedded ClickHouse on loopback until SIGTERM, SIGINT, or the end of the process that started it.
 * Prints `{"ready":true,"port":N}` when it answers. `startEmbeddedServer` starts it; by hand it needs
 * `UV_THREADPOOL_SIZE=16`.
 */
async function main(): Promise<void> {
  const options = readOptions();
  await mkdir(options.dataDir, { recursive: true });
  await mkdir(options.tmpDir, { recursive: true });
  const engine = openEngine(options);
  // After the engine locked the data directory: no other server writes bodies here now.
  const folder = await mkdtemp(join(options.tmpDir, "bodies-"));
  const front = createFront(engine, folder);
  front.server.listen(options.port, "127.0.0.1");
  await once(front.server, "listening");
  const address = front.server.address();
  const port = typeof address === "object" ? address?.port : undefined;

  let stopping = false;
  async function stop(): Promise<void> {
    if (stopping) return;
    stopping = true;
    await front.close();
    engine.shutdown();
    await rm(folder, { recursive: true, force: true });
    process.exit(0);
  }
  process.on("SIGTERM", () => void stop());
  process.on("SIGINT", () => void stop());
  process.on("disconnect", () => void stop());
  process.stdout.write(`${JSON.stringify({ ready: true, port })}\n`);
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      data: { type: "string" },
      tmp: { type: "string" },
      port: { type: "string", default: "0" },
      "memory-limit": { type: "string" },
    },
  });
  if (!values.data || !values.tmp) {
    throw new ConfigError("The embedded server needs --data DIR and --tmp DIR.", {
      fix: "name two folders on a local disk; --port 0 takes a free port.",
    });
  }
  return {
    dataDir: values.data,
    tmpDir: values.tmp,
    port: Number(values.port),
    memoryLimitBytes: values["memory-limit"] ? Number(values["memory-limit"]) : null,
  };
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof AppError ? error.message : String(error)}\n`);
  process.exit(1);
});
