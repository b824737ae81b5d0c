import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ClickHouse,
  type ClickHouseOptions,
  createClickHouse,
} from "../../src/clickhouse/client.ts";
import { type EmbeddedServer, startEmbeddedServer } from "../../src/clickhouse/embedded/start.ts";
import { migrate } from "../../src/clickhouse/migrate.ts";

export type TestClickHouse = ClickHouseOptions & {
  readonly client: ClickHouse;
  /** null when CLICKHOUSE_URL names a server. */
  readonly server: EmbeddedServer | null;
  /** Where the embedded server's data lies; null when CLICKHOUSE_URL names a server. */
  readonly dataDir: string | null;
  stop(): Promise<void>;
};

/**
 * A fresh migrated database on CLICKHOUSE_URL if that is set, else on an embedded server of its own:
 * start one a test file, and stop it.
 */
export async function startTestClickHouse({ migrated = true } = {}): Promise<TestClickHouse> {
  const database = `test_${randomBytes(6).toString("hex")}`;
  const given = process.env["CLICKHOUSE_URL"];
  const folder = given ? null : await mkdtemp(join(tmpdir(), "blockloom-clickhouse-"));
  const dataDir = folder && join(folder, "data");
  const server = dataDir ? await startEmbeddedServer({ dataDir }) : null;
  const options = { url: given ?? server?.url ?? "", database };
  if (migrated) await migrate(options);
  const client = createClickHouse(options);
  return {
    ...options,
    client,
    server,
    dataDir,
    async stop() {
      if (given) await client.command(`DROP DATABASE IF EXISTS ${database}`);
      await client.close();
      await server?.stop();
      if (folder) await rm(folder, { recursive: true, force: true });
    },
  };
}
