import { startEmbeddedServer } from "../../../src/clickhouse/embedded/start.ts";

// A parent that dies without a word: embedded-server.test.ts kills it and looks for the server.
const server = await startEmbeddedServer({ dataDir: process.argv[2] ?? "" });
process.stdout.write(`${server.pid}\n`);
setInterval(() => undefined, 60_000);
