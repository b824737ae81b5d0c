import { rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type Answer, createAnswer } from "./answer.ts";
import { type Engine, quoteString } from "./engine.ts";
import { FrontError } from "./exception.ts";
import type { NativeConnection } from "./native.ts";
import { type FrontRequest, readRequest, readStatement, spoolBody } from "./request.ts";
import { createSessions } from "./sessions.ts";
import { parseStatement, type Statement } from "./statement.ts";

/** ClickHouse's HTTP interface over the embedded engine, for the ordinary client on loopback. */
export type Front = {
  readonly server: Server;
  /** Refuses new requests, ends running statements and waits for their answers. */
  close(): Promise<void>;
};

/** A statement in work: its tag finds it in the engine, `isGone` says that nobody waits for it. */
type Job = { readonly tag: string; isGone: boolean };

/** Longer than the 2.5 s after which the client drops an idle socket, so that it never meets a closed one. */
const keepAliveMs = 10_000;

/** Row formats, whose bytes may be cut between rows; others have one header for the whole answer. */
const streamable =
  /^(JSONEachRow|JSONCompactEachRow|CSV|TSV|TabSeparated|TSVRaw|TabSeparatedRaw|RowBinary|Native)$/;

export function createFront(engine: Engine, folder: string): Front {
  const sessions = createSessions(engine);
  const jobs = new Set<Job>();
  const answers = new Set<Promise<void>>();
  let jobCount = 0;

  const server = createServer({ keepAliveTimeout: keepAliveMs }, (request, response) => {
    const answer = handle(request, response).catch(() => {
      response.destroy();
    });
    answers.add(answer);
    void answer.finally(() => answers.delete(answer));
  });
  server.requestTimeout = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === "GET" && !(request.url ?? "").includes("query=")) {
      response.end("Ok.\n");
      return;
    }
    const call = readRequest(request);
    const answer = createAnswer(response, call);
    jobCount += 1;
    const job: Job = {
      tag: `/*qid:${call.queryId.replace(/[^\w-]/g, "_")}:${jobCount}*/`,
      isGone: false,
    };
    jobs.add(job);
    response.once("close", () => {
      if (!response.writableFinished) void end(job);
    });
    try {
      await run(request, call, answer, job);
    } catch (error) {
      await answer.fail(error);
    } finally {
      jobs.delete(job);
    }
  }

  async function end(job: Job): Promise<void> {
    job.isGone = true;
    if (jobs.has(job)) await engine.kill(job.tag).catch(() => undefined);
  }

  async function run(
    request: IncomingMessage,
    call: FrontRequest,
    answer: Answer,
    job: Job,
  ): Promise<void> {
    const urlStatement = call.urlQuery === null ? null : parseStatement(call.urlQuery);
    if (urlStatement?.kind === "insert-data") {
      await insertData(urlStatement, urlStatement.inlineData || request, call, answer, job);
      return;
    }
    const body = await readStatement(request);
    const sql = [call.urlQuery, body.sql].filter(Boolean).join("\n");
    const statement = parseStatement(sql);
    const parameters = { ...call.parameters, ...body.parameters };
    if (statement.kind === "insert-data") {
      await insertData(statement, statement.inlineData, call, answer, job);
    } else {
      await sessions.use(call, (connection) =>
        execute(connection, statement, { ...call, parameters }, answer, job),
      );
    }
  }

  async function insertData(
    statement: Statement & { kind: "insert-data" },
    data: IncomingMessage | string,
    call: FrontRequest,
    answer: Answer,
    job: Job,
  ): Promise<void> {
    const { path, bytes } = await spoolBody(data, folder);
    try {
      if (bytes === 0) {
        await answer.end({ rowsWritten: 0, bytesWritten: 0 });
        return;
      }
      const sql = `${statement.head} FROM INFILE ${quoteString(path)} ${statement.settings} FORMAT ${statement.format}`;
      await sessions.use(call, (connection) => insert(connection, sql, answer, job));
    } finally {
      await rm(path, { force: true });
    }
  }

  async function insert(
    connection: NativeConnection,
    sql: string,
    answer: Answer,
    job: Job,
  ): Promise<void> {
    stopIfGone(job);
    const noData = Buffer.alloc(0);
    const tagged = `${job.tag} ${sql}`;
    const summary = await engine.native.InsertRawAsyncConnection(connection, tagged, noData, false);
    await answer.end(summary);
  }

  async function execute(
    connection: NativeConnection,
    statement: Exclude<Statement, { kind: "insert-data" }>,
    call: FrontRequest,
    answer: Answer,
    job: Job,
  ): Promise<void> {
    const hasParameters = Object.keys(call.parameters).length > 0;
    if (statement.kind === "insert-select" && !hasParameters) {
      await insert(connection, statement.sql, answer, job);
      return;
    }
    if (statement.kind === "select" && streamable.test(statement.format ?? call.defaultFormat)) {
      await stream(connection, statement.sql, call, answer, job);
      return;
    }
    stopIfGone(job);
    const start = () =>
      engine.native.QueryAsyncConnection(
        connection,
        `${job.tag} ${statement.sql}`,
        call.defaultFormat,
        ...(hasParameters ? [call.parameters] : []),
      );
    const result = await (hasParameters ? engine.inParameterTurn(start) : start());
    if (result.bytes.length > 0) await answer.write(result.bytes);
    await answer.end({ rowsWritten: 0, bytesWritten: 0 });
  }

  async function stream(
    connection: NativeConnection,
    sql: string,
    call: FrontRequest,
    answer: Answer,
    job: Job,
  ): Promise<void> {
    stopIfGone(job);
    const tagged = `${job.tag} ${sql}`;
    const hasParameters = Object.keys(call.parameters).length > 0;
    const { native } = engine;
    const rows = hasParameters
      ? await engine.inParameterTurn(() =>
          native.StreamQuery(connection, tagged, call.defaultFormat, call.parameters),
        )
      : native.StreamQuery(connection, tagged, call.defaultFormat);
    for (;;) {
      const chunk = await native.StreamFetch(rows);
      if (chunk.done) break;
      if (job.isGone) {
        native.StreamCancel(rows);
        return;
      }
      if (chunk.bytes.length > 0) await answer.write(chunk.bytes);
    }
    await answer.end();
  }

  return {
    server,
    async close() {
      server.close();
      server.closeIdleConnections();
      await Promise.all([...jobs].map(end));
      await Promise.allSettled(answers);
      server.closeAllConnections();
      sessions.closeAll();
    },
  };
}

function stopIfGone(job: Job): void {
  if (job.isGone) throw new FrontError("cancelled", "The client is gone");
}
