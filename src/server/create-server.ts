import { randomUUID } from "node:crypto";
import rateLimit from "@fastify/rate-limit";
import swagger from "@fastify/swagger";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { redact } from "../domain/redact.ts";
import type { StakingDesk } from "../staking/desk.ts";
import { createPayloadCodec } from "../temporal/payload-codec.ts";
import { type Caller, createAuthenticator, rateLimitKey } from "./access.ts";
import { answerBrokenRequest } from "./broken-request.ts";
import {
  handlerTimeoutMs,
  keepAliveTimeoutMs,
  maximumBodyBytes,
  requestTimeoutMs,
} from "./limits.ts";
import { refuseForeignPages } from "./local-only.ts";
import { watchRoutes } from "./not-found.ts";
import type { ServerParts } from "./parts.ts";
import { Problem, problemType, toDocument } from "./problem.ts";
import { toProblem } from "./problems.ts";
import { addCodecRoute, decodePath } from "./routes/codec.ts";
import { addDocsRoute } from "./routes/docs.ts";
import { addHealthRoutes } from "./routes/health.ts";
import { addMonitorRoutes } from "./routes/monitor.ts";
import { addQueueRoutes } from "./routes/queue.ts";
import { addBlockRoute, addCoverageRoute, addStatusRoute } from "./routes/reads.ts";
import { addStakeRoutes } from "./routes/stake.ts";
import { problemSchema } from "./schemas.ts";

declare module "fastify" {
  interface FastifyRequest {
    caller: Caller;
  }
}

/** Puts the API together; it listens nowhere yet. */
export async function createServer(parts: ServerParts): Promise<FastifyInstance> {
  const answerError = createErrorAnswer(parts);
  const app = fastify({
    logger: false,
    genReqId: () => randomUUID(),
    bodyLimit: maximumBodyBytes,
    handlerTimeout: handlerTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    // What was accepted before the stop is answered; the listener takes nothing new.
    return503OnClosing: false,
    frameworkErrors: answerError,
    clientErrorHandler: answerBrokenRequest,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allowUnionTypes: true } },
  });
  // Answers are described for readers; they are not cut to the description.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.setErrorHandler(answerError);
  // An expectation that nobody knows may be ignored; Node would answer it without a body.
  app.server.on("checkExpectation", (request, response) =>
    app.server.emit("request", request, response),
  );
  const explainMiss = watchRoutes(app);
  acceptEmptyJson(app);
  await guard(app, parts);
  await describe(app, parts);
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, (request) => {
    throw explainMiss(request);
  });

  addQueueRoutes(app, parts);
  addStatusRoute(app, parts);
  addCoverageRoute(app, parts);
  addBlockRoute(app, parts);
  if (parts.staking !== null) addStaking(app, parts, parts.staking);
  addHealthRoutes(app, parts);
  addDocsRoute(app);
  return app;
}

function addStaking(app: FastifyInstance, parts: ServerParts, desk: StakingDesk): void {
  addStakeRoutes(app, parts, desk);
  addMonitorRoutes(app, desk);
  const { keys, uiOrigin } = desk.settings.codec;
  addCodecRoute(app, parts, { codec: createPayloadCodec(keys), uiOrigin });
}

/** Who asks, whether this machine is meant, and how often: before anything of the request is read. */
async function guard(app: FastifyInstance, parts: ServerParts): Promise<void> {
  const { config, tokens, logger, staking } = parts;
  const authenticate = createAuthenticator(tokens);
  const unknown: Caller = { kind: "unknown" };
  app.decorateRequest("caller");
  app.addHook("onRequest", async (request, reply) => {
    void reply.headers({ "x-content-type-options": "nosniff", "cache-control": "no-store" });
    request.caller = unknown;
    if (tokens.length === 0) {
      const isDecode = request.routeOptions.url === decodePath;
      const uiOrigin = isDecode ? staking?.settings.codec.uiOrigin : null;
      refuseForeignPages(request.headers, uiOrigin);
    }
    request.caller = authenticate(request.headers.authorization);
  });
  await app.register(rateLimit, {
    max: config.server.rateLimit,
    timeWindow: "1 minute",
    keyGenerator: rateLimitKey,
    errorResponseBuilder: (_, { max, after }) => tooMany(max, after),
  });
  app.addHook("onResponse", async (request, reply) => {
    const { statusCode } = reply;
    const line = {
      method: request.method,
      route: request.routeOptions.url ?? "none",
      status: statusCode,
      milliseconds: Math.round(reply.elapsedTime),
      who: request.caller.kind === "token" ? request.caller.name : request.caller.kind,
      address: request.ip,
      requestId: request.id,
    };
    if (statusCode === 401 || statusCode === 403) logger.warn("Refused a request", line);
    else logger.debug("Answered a request", line);
  });
}

function tooMany(max: number, after: string): Problem {
  return new Problem({
    kind: "rate-limit",
    status: 429,
    title: "Too many requests.",
    detail: `One caller may send ${max} a minute.`,
    fix: `ask again in ${after}, name many blocks in one call, or raise API_RATE_LIMIT.`,
  });
}

/** The document of /api/docs; knows the routes that are added after it. */
async function describe(app: FastifyInstance, { version, staking }: ServerParts): Promise<void> {
  app.addSchema(problemSchema);
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "blockloom",
        description: describeService(staking !== null),
        version,
      },
      components: {
        securitySchemes: {
          bearer: {
            type: "http",
            scheme: "bearer",
            description: "needed where tokens are configured; the scope stands with each call",
          },
        },
      },
      tags: [
        { name: "queue", description: "Blocks to trace again" },
        ...(staking === null
          ? []
          : [{ name: "stake", description: "Requests of users who sign and pay no gas" }]),
        { name: "read", description: "What runs, and what is proven" },
        { name: "health", description: "For orchestrators" },
        { name: "docs", description: "This document" },
      ],
    },
    refResolver: {
      buildLocalReference: ({ $id }, _base, _fragment, index) =>
        typeof $id === "string" ? $id : `def-${index}`,
    },
  });
}

function describeService(hasStaking: boolean): string {
  const indexing = "Requeues blocks, and says what runs and what is proven.";
  const feeless =
    "Takes staking requests of users who sign and pay no gas, and says where they stand.";
  return hasStaking ? `${indexing} ${feeless}` : indexing;
}

/** Clients of the reference say `Content-Type: application/json` also where they send nothing. */
function acceptEmptyJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    if (body === "") done(null);
    else void parse(request, body.toString(), done);
  });
}

function createErrorAnswer({ logger }: Pick<ServerParts, "logger">) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const problem = toProblem(error) ?? {
      kind: "unexpected",
      status: 500,
      title: "Something unexpected happened.",
      fix: "report it with the request id and the server's log.",
    };
    if (problem.status === 500) {
      const reason = redact(error instanceof Error ? error.message : String(error));
      logger.error("A request failed", { requestId: request.id, reason });
    }
    void reply
      .code(problem.status)
      .headers({ ...problem.headers })
      .type(problemType)
      .send(JSON.stringify(toDocument(problem, request.id)));
  };
}
