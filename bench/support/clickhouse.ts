import { join } from "node:path";
import { type EmbeddedServer, startEmbeddedServer } from "../../src/clickhouse/embedded/start.ts";
import { migrate } from "../../src/clickhouse/migrate.ts";
import type { Bench } from "../benchmark.ts";

export const database = "blockloom";

/** An embedded ClickHouse of this benchmark's own, with the tables in place. */
export async function startClickHouse(
  { folder, stops }: Bench,
  name = "clickhouse",
): Promise<EmbeddedServer> {
  const server = await startEmbeddedServer({ dataDir: join(folder, name) });
  stops.add(() => server.stop());
  await migrate({ url: server.url, database });
  return server;
}
