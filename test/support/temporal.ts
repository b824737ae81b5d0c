import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { resolveTemporalCli } from "../../src/dev/temporal-cli.ts";
import { startTemporal } from "../../src/dev/temporal-server.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

export type TestTemporal = {
  readonly address: string;
  readonly namespace: string;
  readonly uiUrl: string;
  /** The CLI itself, for tests that send messages as a person would. */
  readonly cli: string;
  /** Ends it and removes its database. */
  readonly stop: () => Promise<void>;
  /** SIGKILL; the database stays for {@link TestTemporal.restart}. */
  readonly kill: () => Promise<void>;
  /** Starts it again on the same ports and database, after `kill` or while it runs (then SIGTERM goes first). */
  readonly restart: () => Promise<void>;
};

/** A real Temporal dev server on free ports with search attributes and a database file of its own. */
export async function startTestTemporal(
  options: {
    readonly dynamicConfig?: Readonly<Record<string, string>>;
    /** Default: a free one. */
    readonly port?: number;
  } = {},
): Promise<TestTemporal> {
  const folder = await mkdtemp(join(tmpdir(), "blockloom-temporal-"));
  const cli = await resolveTemporalCli({ root });
  const settings = {
    cli,
    dbFilename: join(folder, "temporal.db"),
    logFile: join(folder, "temporal.log"),
    ...options,
  };
  let server = await startTemporal(settings);
  const ports = { port: portOf(`http://${server.address}`), uiPort: portOf(server.uiUrl) };
  return {
    address: server.address,
    namespace: server.namespace,
    uiUrl: server.uiUrl,
    cli,
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
    kill: () => server.kill(),
    restart: async () => {
      await server.stop();
      server = await startTemporal({ ...settings, ...ports });
    },
  };
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
