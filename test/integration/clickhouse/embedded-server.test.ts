import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@clickhouse/client";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  type EmbeddedServer,
  startEmbeddedServer,
} from "../../../src/clickhouse/embedded/start.ts";
import { ConfigError } from "../../../src/errors.ts";

let folder: string;
let server: EmbeddedServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "blockloom-embedded-"));
  server = await startEmbeddedServer({
    dataDir: join(folder, "data"),
    tmpDir: join(folder, "tmp"),
  });
  const client = connect({ database: "default" });
  await client.command({ query: "CREATE DATABASE front" });
  await client.close();
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The ordinary client, silent, on the server of this file. */
function connect(options: { database?: string; compressed?: boolean } = {}) {
  return createClient({
    url: server.url,
    database: options.database ?? "front",
    compression: { request: options.compressed ?? false, response: options.compressed ?? false },
    log: { level: 127 },
  });
}
type Client = ReturnType<typeof connect>;

async function readRows(client: Client, query: string, parameters?: Record<string, unknown>) {
  const result = await client.query({
    query,
    format: "JSONEachRow",
    ...(parameters ? { query_params: parameters } : {}),
  });
  return result.json();
}

describe.each([
  { compressed: false, name: "plain" },
  { compressed: true, name: "compressed" },
])("the ordinary client, $name", ({ compressed, name }) => {
  const client = () => connect({ compressed });

  test("stores data with blank lines, quotes and SQL in it as data", async () => {
    const table = `texts_${name}`;
    const connected = client();
    await connected.command({
      query: `CREATE TABLE ${table} (id UInt32, text String) ENGINE = MergeTree ORDER BY id`,
    });
    const texts = ["a\n\nb", `\n\n; DROP TABLE ${table}`, "é\u0000'\\\t", "FORMAT VALUES ("];
    const inserted = await connected.insert({
      table,
      values: texts.map((text, id) => ({ id, text })),
      format: "JSONEachRow",
    });
    expect(inserted.summary?.written_rows).toBe("4");
    await connected.command({
      query: `INSERT INTO ${table} VALUES (4, 'x\n\ny'), (5, 'FORMAT TSV')`,
    });
    await connected.command({ query: `INSERT INTO ${table} (id, text) SELECT 6, 'selected'` });
    expect(await readRows(connected, `SELECT text FROM ${table} ORDER BY id`)).toEqual(
      [...texts, "x\n\ny", "FORMAT TSV", "selected"].map((text) => ({ text })),
    );
    await connected.close();
  });

  test("gives a failing statement its code, at the start and in the middle of the rows", async () => {
    const connected = client();
    await expect(readRows(connected, "SELECT nosuch")).rejects.toMatchObject({ code: "47" });
    const result = await connected.query({
      query: "SELECT throwIf(number = 3000000) FROM numbers(4000000)",
      format: "JSONEachRow",
    });
    let rows = 0;
    const reading = (async () => {
      for await (const batch of result.stream()) rows += batch.length;
    })();
    await expect(reading).rejects.toMatchObject({ code: "395" });
    expect(rows).toBeGreaterThan(0);
    await connected.close();
  });

  test("streams rows whose characters take several bytes, across every chunk", async () => {
    const connected = client();
    const rows = await readRows(
      connected,
      "SELECT count() AS rows, sum(length(t)) AS bytes FROM (SELECT repeat('é€😀', 10) AS t FROM numbers(200000))",
    );
    const streamed = await readRows(
      connected,
      "SELECT repeat('é€😀', 10) AS t FROM numbers(200000)",
    );
    expect(rows).toEqual([{ rows: 200000, bytes: 200000 * 90 }]);
    expect(streamed).toHaveLength(200_000);
    expect(new Set(streamed.map((row) => JSON.stringify(row))).size).toBe(1);
    await connected.close();
  });
});

test("settings, databases and parameters of one request never reach another", async () => {
  const client = connect();
  const setting = "SELECT value FROM system.settings WHERE name = 'max_block_size'";
  const [before] = await readRows(client, setting);
  const answers = await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      const result = await client.query({
        query: `${setting} AND {x:String} = {x:String} UNION ALL SELECT {x:String}`,
        format: "JSONEachRow",
        query_params: { x: `value'\n${index}` },
        clickhouse_settings: { max_block_size: String(index + 1) },
      });
      return result.json<{ value: string }>();
    }),
  );
  answers.forEach((rows, index) => {
    expect(rows.map(({ value }) => value).toSorted()).toEqual(
      [String(index + 1), `value'\n${index}`].toSorted(),
    );
  });
  expect(await readRows(client, setting)).toEqual([before]);
  await expect(
    client.query({ query: "SELECT 1", clickhouse_settings: { ["nosuch" as string]: 1 } }),
  ).rejects.toMatchObject({ code: "115" });
  const elsewhere = connect({ database: "nowhere" });
  await expect(readRows(elsewhere, "SELECT 1")).rejects.toMatchObject({ code: "81" });
  await elsewhere.close();
  await client.close();
});

test.each([
  { way: "in the URL", multipart: false },
  { way: "in a multipart body", multipart: true },
])("parameters of many kilobytes arrive whole $way", async ({ multipart }) => {
  const client = connect();
  const long = Array.from({ length: 3000 }, (_, index) => `n'${index}\n`);
  const result = await client.query({
    query: "SELECT length({x:Array(String)}) AS count, {x:Array(String)}[3000] AS last",
    format: "JSONEachRow",
    query_params: { x: long },
    use_multipart_params: multipart,
  });
  expect(await result.json()).toEqual([{ count: 3000, last: "n'2999\n" }]);
  await client.close();
});

test("a session keeps its temporary tables, not its settings, and serves one request at a time", async () => {
  const client = connect();
  const session_id = "one";
  await client.command({ query: "CREATE TEMPORARY TABLE kept (x UInt8)", session_id });
  const rows = await client.query({
    query: "SELECT count() AS rows FROM kept",
    format: "JSONEachRow",
    session_id,
    clickhouse_settings: { max_threads: 1 },
  });
  expect(await rows.json()).toEqual([{ rows: 0 }]);
  const abort = new AbortController();
  const endless = client.query({
    query: "SELECT sum(cityHash64(number)) FROM numbers(100000000000)",
    abort_signal: abort.signal,
    session_id,
  });
  const running =
    "SELECT query FROM system.processes WHERE query LIKE '%cityHash64%' AND query NOT LIKE '%processes%'";
  await vi.waitFor(async () => expect(await readRows(client, running)).toHaveLength(1), 60_000);
  const second = client.query({ query: "SELECT 1", session_id });
  await expect(second).rejects.toMatchObject({ code: "373" });
  abort.abort();
  await expect(endless).rejects.toThrow(/abort/);
  const next = () => client.query({ query: "SELECT 1", format: "JSONEachRow", session_id });
  await vi.waitFor(async () => (await next()).text(), 60_000);
  const changed = await client.query({
    query: "SELECT changed FROM system.settings WHERE name = 'max_threads'",
    format: "JSONEachRow",
    session_id,
  });
  expect(await changed.json()).toEqual([{ changed: 0 }]);
  await client.close();
});

test("a session is free when its answer has ended", async () => {
  const client = connect();
  const query = "SELECT number FROM numbers(1000)";
  const clickhouse_settings = { max_threads: 1 }; // to be taken back after each
  for (let call = 0; call < 300; call += 1) {
    const rows = await client.query({ query, session_id: "busy", clickhouse_settings });
    await rows.text();
  }
  await client.close();
});

test("a statement whose client went away stops", async () => {
  const client = connect();
  const abort = new AbortController();
  const running = client.query({
    query: "SELECT sum(sipHash64(number)) FROM numbers(100000000000)",
    abort_signal: abort.signal,
  });
  const others =
    "SELECT query FROM system.processes WHERE query LIKE '%numbers(100000000000)%' AND query NOT LIKE '%processes%'";
  await vi.waitFor(async () => expect(await readRows(client, others)).toHaveLength(1), 60_000);
  abort.abort();
  await expect(running).rejects.toThrow(/abort/);
  await vi.waitFor(async () => expect(await readRows(client, others)).toHaveLength(0), 60_000);
  await client.close();
});

test("leaves no bodies behind, whether inserts succeed or fail", async () => {
  const client = connect();
  await client.command({ query: "CREATE TABLE strict (x UInt8) ENGINE = MergeTree ORDER BY x" });
  await client.insert({ table: "strict", values: [{ x: 1 }], format: "JSONEachRow" });
  const failing = client.insert({ table: "strict", values: [{ x: "no" }], format: "JSONEachRow" });
  await expect(failing).rejects.toMatchObject({ code: "27" });
  const bodies = await readdir(join(folder, "tmp"), { recursive: true });
  expect(bodies.filter((name) => name.endsWith(".body"))).toEqual([]);
  await client.close();
});

test("answers ping, and stops cleanly in the middle of a statement", async () => {
  const data = join(folder, "stopped");
  const own = await startEmbeddedServer({ dataDir: data });
  const client = createClient({ url: own.url, log: { level: 127 } });
  expect((await client.ping()).success).toBe(true);
  const running = client.query({
    query: "SELECT sum(sipHash64(number)) FROM numbers(100000000000)",
  });
  const outcome = running.then(
    () => "answered",
    () => "refused",
  );
  await vi.waitFor(async () => {
    const result = await client.query({
      query: "SELECT count() AS c FROM system.processes",
      format: "JSONEachRow",
    });
    expect(await result.json()).toEqual([{ c: 2 }]);
  }, 60_000);
  await own.stop();
  await own.stop();
  expect(await outcome).toBe("refused");
  expect(isRunning(own.pid)).toBe(false);
  expect((await client.ping()).success).toBe(false);
  const again = await startEmbeddedServer({ dataDir: data });
  await again.stop();
  await client.close();
});

test("ends with its parent, also when that is killed", async () => {
  const script = new URL("parent-process.ts", import.meta.url).pathname;
  const parent = spawn(process.execPath, ["--import", "tsx", script, join(folder, "orphan")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(parent.stdout, "data");
  const pid = Number(String(line));
  expect(isRunning(pid)).toBe(true);
  parent.kill("SIGKILL");
  await vi.waitFor(() => expect(isRunning(pid)).toBe(false), 60_000);
});

test("says why it does not start", async () => {
  const starting = startEmbeddedServer({ dataDir: join(folder, "data") });
  await expect(starting).rejects.toBeInstanceOf(ConfigError);
  await expect(starting).rejects.toThrow(
    /did not start.+Another server instance in same directory/s,
  );
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
