import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import getPort from "get-port";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ClickHouse, createClickHouse } from "../../../src/clickhouse/client.ts";
import {
  type EmbeddedServer,
  startEmbeddedServer,
} from "../../../src/clickhouse/embedded/start.ts";
import { migrate } from "../../../src/clickhouse/migrate.ts";
import {
  DiskFullError,
  StorageRefusedError,
  StorageUnavailableError,
} from "../../../src/errors.ts";

let folder: string;
let port: number;
let server: EmbeddedServer;
let clickhouse: ClickHouse;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "blockloom-faults-"));
  port = await getPort();
  server = await start();
  await migrate({ url: server.url, database: "faults" });
  clickhouse = createClickHouse({ url: server.url, database: "faults" });
});
afterEach(async () => {
  await clickhouse.close();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const start = () =>
  startEmbeddedServer({ dataDir: join(folder, "data"), tmpDir: join(folder, "tmp"), port });

/** Rows of one batch, known again by their block number. */
function insertBatch(client: ClickHouse, batch: number, rows = 500): Promise<void> {
  return client.insertRows(
    "execution_transaction",
    Array.from({ length: rows }, (_, position) => ({
      meta_network_name: "n",
      block_number: batch,
      position,
    })),
    { token: `n:execution_transaction:${batch}` },
  );
}

/** What waits for outages that last longer than an insert's own tries does: it sends the same again. */
async function insertThroughOutages(client: ClickHouse, batch: number): Promise<void> {
  for (;;) {
    try {
      return await insertBatch(client, batch);
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
    }
  }
}

async function rowsPerBatch(client: ClickHouse): Promise<Map<number, number>> {
  const rows = await client.query<{ batch: string; rows: string }>(
    "SELECT block_number AS batch, count() AS rows FROM execution_transaction GROUP BY batch",
  );
  return new Map(rows.map(({ batch, rows: count }) => [Number(batch), Number(count)]));
}

test("loses no acknowledged row and doubles none when the server is killed in the middle of inserts", async () => {
  const acknowledged = new Set<number>();
  const over = new AbortController();
  async function insertUntilOver(first: number): Promise<void> {
    for (let batch = first; !over.signal.aborted; batch += 2) {
      await insertThroughOutages(clickhouse, batch);
      acknowledged.add(batch);
    }
  }
  const inserting = [insertUntilOver(0), insertUntilOver(1)];
  for (let kill = 0; kill < 3; kill += 1) {
    const before = acknowledged.size;
    await vi.waitFor(() => expect(acknowledged.size).toBeGreaterThan(before + 5), 60_000);
    await server.kill();
    server = await start();
  }
  over.abort();
  await Promise.all(inserting);
  const stored = await rowsPerBatch(clickhouse);
  expect([...stored.keys()].toSorted((a, b) => a - b)).toEqual(
    [...acknowledged].toSorted((a, b) => a - b),
  );
  expect(new Set(stored.values())).toEqual(new Set([500]));
  expect(acknowledged.size).toBeGreaterThan(15);
});

test("stores an insert once when its answer was lost and it is sent again", async () => {
  const proxy = await startLossyProxy();
  const url = `http://127.0.0.1:${proxy.port}`;
  const lossy = createClickHouse({ url, database: "faults" });
  proxy.loseAnswers(2);
  await insertBatch(lossy, 7);
  expect(proxy.lost()).toBe(2);
  expect(await rowsPerBatch(clickhouse)).toEqual(new Map([[7, 500]]));
  // The ledger and its events, which a materialized view feeds, alike.
  proxy.loseAnswers(1);
  const row = { meta_network_name: "n", processor: "structlog", block_number: 7 };
  await lossy.insertRows("execution_block", [row], { token: "ledger:7" });
  expect(proxy.lost()).toBe(3);
  for (const table of ["execution_block", "execution_block_event"]) {
    expect(await clickhouse.query(`SELECT count() AS rows FROM ${table}`)).toEqual([{ rows: "1" }]);
  }
  await lossy.close();
  proxy.stop();
});

test("says that ClickHouse does not answer, without the password, and goes on when it is back", async () => {
  const url = `http://person:hunter2@127.0.0.1:${port}`;
  const client = createClickHouse({ url, database: "faults" });
  await server.kill();
  const error = await client.query("SELECT 1").catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(StorageUnavailableError);
  expect(String(error)).toMatch(/ECONNREFUSED/);
  expect(JSON.stringify(error) + String(error)).not.toContain("hunter2");
  await expect(insertBatch(client, 1)).rejects.toBeInstanceOf(StorageUnavailableError);
  await expect(client.ping()).rejects.toBeInstanceOf(StorageUnavailableError);
  server = await start();
  await client.ping();
  await insertBatch(client, 1);
  expect(await rowsPerBatch(client)).toEqual(new Map([[1, 500]]));
  await client.close();
});

test("gives what ClickHouse refuses its code, at once and without trying again", async () => {
  const refused = await clickhouse
    .insertRows("execution_transaction", [{ nosuch: 1 }], { token: "refused" })
    .catch((cause: unknown) => cause);
  expect(refused).toBeInstanceOf(StorageRefusedError);
  expect(String(refused)).toMatch(/code 117 \(INCORRECT_DATA\)/);
  await expect(clickhouse.query("SELECT nosuch")).rejects.toThrow(/code 47 \(UNKNOWN_IDENTIFIER\)/);
});

test("stops waiting when it is told to, also between the tries of an insert", async () => {
  const reason = new Error("shutdown");
  await expect(clickhouse.query("SELECT 1", { signal: AbortSignal.abort(reason) })).rejects.toBe(
    reason,
  );
  const slow = new AbortController();
  const query = clickhouse.query("SELECT sum(sipHash64(number)) FROM numbers(100000000000)", {
    signal: slow.signal,
  });
  setTimeout(() => slow.abort(reason), 100);
  await expect(query).rejects.toBe(reason);
  await server.kill();
  const between = new AbortController();
  const insert = clickhouse.insertRows("execution_transaction", [{ block_number: 1 }], {
    token: "aborted",
    signal: between.signal,
  });
  setTimeout(() => between.abort(reason), 300);
  await expect(insert).rejects.toBe(reason);
});

function run(command: string, ...arguments_: string[]): void {
  execFileSync(command, arguments_, { stdio: "ignore" });
}

/** Whether this user may mount a file system of its own size; else the test below is skipped, in sight. */
function canMount(): boolean {
  try {
    const probe = join(tmpdir(), `blockloom-mount-${process.pid}`);
    run("mkdir", "-p", probe);
    run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", probe);
    run("umount", probe);
    run("rmdir", probe);
    return true;
  } catch {
    return false;
  }
}
const mayMount = canMount();
if (!mayMount) console.warn("SKIPPED: a full temp directory needs the right to mount a tmpfs");

test.skipIf(!mayMount)(
  "says that the disk is full when the temp directory is, loses nothing, and goes on",
  async () => {
    const small = join(folder, "small");
    await mkdir(small);
    run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small);
    try {
      await server.stop();
      server = await startEmbeddedServer({ dataDir: join(folder, "data"), tmpDir: small, port });
      await insertBatch(clickhouse, 1, 100);
      await expect(insertBatch(clickhouse, 2, 20_000)).rejects.toBeInstanceOf(DiskFullError);
      await expect(insertBatch(clickhouse, 2, 20_000)).rejects.toThrow(/No space left/);
      const bodies = await readdir(small, { recursive: true });
      expect(bodies.filter((name) => name.endsWith(".body"))).toEqual([]);
      expect(await rowsPerBatch(clickhouse)).toEqual(new Map([[1, 100]]));
      run("mount", "-o", "remount,size=64m", small);
      await insertBatch(clickhouse, 2, 20_000);
      expect(await rowsPerBatch(clickhouse)).toEqual(
        new Map([
          [1, 100],
          [2, 20_000],
        ]),
      );
    } finally {
      await server.stop();
      run("umount", small);
    }
  },
);

/** Passes everything on, but cuts the line in place of the next answers: the server did the work, nobody heard. */
async function startLossyProxy() {
  let toLose = 0;
  let lost = 0;
  const sockets = new Set<Socket>();
  const proxy: Server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
    }
    client.on("data", (chunk) => upstream.write(chunk));
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
    upstream.on("data", (chunk) => {
      if (toLose === 0) client.write(chunk);
      else {
        toLose -= 1;
        lost += 1;
        client.destroy();
      }
    });
  });
  const proxyPort = await getPort();
  await new Promise<void>((resolve) => {
    proxy.listen(proxyPort, "127.0.0.1", resolve);
  });
  return {
    port: proxyPort,
    loseAnswers: (count: number) => {
      toLose = count;
    },
    lost: () => lost,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
    },
  };
}
