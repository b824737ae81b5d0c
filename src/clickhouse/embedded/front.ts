import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createAnswer } from "./answer.ts";
import type { Engine } from "./engine.ts";
import { readRequest } from "./request.ts";
import { type Job, runStatement } from "./run-statement.ts";
import { createSessions } from "./sessions.ts";

/** ClickHouse's HTTP interface over the embedded engine, for the ordinary client on loopback. */
export type Front = {
  readonly server: Server;
  /** Refuses new requests, ends running statements and waits for their answers. */
  close(): Promise<void>;
};

/** Longer than the 2.5 s after which the client drops an idle socket, so that it never meets a closed one. */
const keepAliveMs = 10_000;

/** ClickHouse's default http_max_uri_size: parameters travel in the URL. */
const maximumUrlBytes = 1 << 20;

export function createFront(engine: Engine, folder: string): Front {
  const sessions = createSessions(engine);
  const jobs = new Set<Job>();
  const answers = new Set<Promise<void>>();
  let jobCount = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === "GET" && !(request.url ?? "").includes("query=")) {
      response.end("Ok.\n");
      return;
    }
    const call = readRequest(request);
    const answer = createAnswer(response, call);
    jobCount += 1;
    const name = call.queryId.replace(/[^\w-]/g, "_");
    const job: Job = { tag: `/*qid:${name}:${jobCount}*/`, isGone: false };
    jobs.add(job);
    response.once("close", () => {
      if (!response.writableFinished) void end(job);
    });
    try {
      await runStatement({ engine, sessions, folder }, request, { call, answer, job });
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

  const serverOptions = { keepAliveTimeout: keepAliveMs, maxHeaderSize: maximumUrlBytes };
  const server = createServer(serverOptions, (request, response) => {
    const answer = handle(request, response).catch(() => {
      response.destroy();
    });
    answers.add(answer);
    void answer.finally(() => answers.delete(answer));
  });
  server.requestTimeout = 0;

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
