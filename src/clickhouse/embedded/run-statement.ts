import { rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import type { Answer, Summary } from "./answer.ts";
import { type Engine, quoteString } from "./engine.ts";
import { FrontError } from "./exception.ts";
import type { NativeConnection } from "./native.ts";
import { type FrontRequest, readStatement, spoolBody } from "./request.ts";
import type { Sessions } from "./sessions.ts";
import { parseStatement, type Statement } from "./statement.ts";

/** A statement in work: its tag finds it in the engine, `isGone` says that nobody waits for it. */
export type Job = { readonly tag: string; isGone: boolean };

/** One request on its way: what was asked, who gets the answer. */
type Work = { readonly call: FrontRequest; readonly answer: Answer; readonly job: Job };
type InsertData = Statement & { kind: "insert-data" };

const nothingWritten: Summary = { rowsWritten: 0, bytesWritten: 0 };

/** With these in the statement and not in the connection's scope, one connection serves insert after insert. */
const ownSettings = ["insert_deduplication_token"];

/** A file is read by one thread anyhow; more only hand blocks to each other (a sixth of an insert's CPU). */
const oneThread = "max_threads = 1";

/** Row formats, whose bytes may be cut between rows; others have one header for the whole answer. */
const streamable =
  /^(JSONEachRow|JSONCompactEachRow|CSV|TSV|TabSeparated|TSVRaw|TabSeparatedRaw|RowBinary|Native)$/;

/**
 * Runs the statement of a request and answers it.
 * @param folder - Where bodies of inserts wait for the engine.
 */
export async function runStatement(
  { engine, sessions, folder }: { engine: Engine; sessions: Sessions; folder: string },
  request: IncomingMessage,
  work: Work,
): Promise<void> {
  const { urlQuery } = work.call;
  const urlStatement = urlQuery === null ? null : parseStatement(urlQuery);
  if (urlStatement?.kind === "insert-data") {
    return insertData(urlStatement, urlStatement.inlineData || request);
  }
  const body = await readStatement(request);
  const statement = parseStatement([urlQuery, body.sql].filter(Boolean).join("\n"));
  if (statement.kind === "insert-data") return insertData(statement, statement.inlineData);
  const call = { ...work.call, parameters: { ...work.call.parameters, ...body.parameters } };
  const done = await sessions.use(call, statement.kind === "select", (connection) =>
    execute(engine, connection, statement, { ...work, call }),
  );
  // Not before the session is free: whoever has the whole answer may ask the same session at once.
  return work.answer.end(done);

  async function insertData(insert: InsertData, data: IncomingMessage | string): Promise<void> {
    const { path, bytes } = await spoolBody(data, folder);
    try {
      if (bytes === 0) return await work.answer.end(nothingWritten);
      const { shared, clause } = splitSettings(insert, work.call.settings);
      const sql = `${insert.head} FROM INFILE ${quoteString(path)} ${clause} FORMAT ${insert.format}`;
      const summary = await sessions.use({ ...work.call, settings: shared }, true, (connection) =>
        runInsert(engine, connection, sql, work.job),
      );
      return await work.answer.end(summary);
    } finally {
      await rm(path, { force: true });
    }
  }
}

/** Settings that many inserts share, and a clause with those that this one has of its own. */
function splitSettings(insert: InsertData, settings: ReadonlyMap<string, string>) {
  const shared = new Map(settings);
  const own = ownSettings.flatMap((name) => {
    const value = settings.get(name);
    shared.delete(name);
    return value === undefined ? [] : [`${name} = ${quoteString(value)}`];
  });
  const written = insert.settings.replace(/^SETTINGS\s/i, "");
  const threads = settings.has("max_threads") ? "" : oneThread;
  const assignments = [threads, ...own, written].filter((one) => one !== "");
  return { shared, clause: assignments.length === 0 ? "" : `SETTINGS ${assignments.join(", ")}` };
}

/** The only call that tells how many rows an insert wrote; rows come from the SQL, so it gets no data. */
async function runInsert(
  { native }: Engine,
  connection: NativeConnection,
  sql: string,
  job: Job,
): Promise<Summary> {
  return native.InsertRawAsyncConnection(connection, tag(job, sql), Buffer.alloc(0), false);
}

/** Writes the rows of the answer; its end is the caller's. */
async function execute(
  engine: Engine,
  connection: NativeConnection,
  statement: Exclude<Statement, InsertData>,
  work: Work,
): Promise<Summary> {
  const { defaultFormat, parameters } = work.call;
  const hasParameters = Object.keys(parameters).length > 0;
  if (statement.kind === "insert-select" && !hasParameters) {
    return runInsert(engine, connection, statement.sql, work.job);
  }
  if (statement.kind === "select" && streamable.test(statement.format ?? defaultFormat)) {
    await stream(engine, connection, statement.sql, work);
    return nothingWritten;
  }
  const tagged = tag(work.job, statement.sql);
  const start = () =>
    engine.native.QueryAsyncConnection(
      connection,
      tagged,
      defaultFormat,
      ...(hasParameters ? [parameters] : []),
    );
  const { bytes } = await (hasParameters ? engine.inParameterTurn(start) : start());
  if (bytes.length > 0) await work.answer.write(bytes);
  return nothingWritten;
}

async function stream(
  engine: Engine,
  connection: NativeConnection,
  sql: string,
  { call, answer, job }: Work,
): Promise<void> {
  const { native } = engine;
  const tagged = tag(job, sql);
  const { defaultFormat, parameters } = call;
  const rows =
    Object.keys(parameters).length > 0
      ? await engine.inParameterTurn(() =>
          native.StreamQuery(connection, tagged, defaultFormat, parameters),
        )
      : native.StreamQuery(connection, tagged, defaultFormat);
  for (;;) {
    const chunk = await native.StreamFetch(rows);
    if (chunk.done) break;
    if (job.isGone) {
      native.StreamCancel(rows);
      throw new FrontError("cancelled", "The client is gone");
    }
    if (chunk.bytes.length > 0) await answer.write(chunk.bytes);
  }
}

/** @throws {FrontError} when nobody waits any more, so that nothing starts that `KILL` would miss. */
function tag(job: Job, sql: string): string {
  if (job.isGone) throw new FrontError("cancelled", "The client is gone");
  return `${job.tag} ${sql}`;
}
