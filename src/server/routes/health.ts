import type { FastifyInstance } from "fastify";
import { findAway } from "../backends.ts";
import type { ServerParts } from "../parts.ts";
import { Problem } from "../problem.ts";
import { commonProblems, healthSchema } from "../schemas.ts";

/** For orchestrators: without a token and not counted, because what they ask is asked once a second at most. */
export function addHealthRoutes(app: FastifyInstance, { backends }: ServerParts): void {
  const config = { rateLimit: false };
  app.get(
    "/health/live",
    {
      config,
      schema: {
        operationId: "isLive",
        summary: "Whether the process answers",
        tags: ["health"],
        security: [],
        response: { 200: healthSchema("live"), ...commonProblems },
      },
    },
    async () => ({ status: "live" }),
  );
  app.get(
    "/health/ready",
    {
      config,
      schema: {
        operationId: "isReady",
        summary: "Whether Temporal and ClickHouse can be reached",
        tags: ["health"],
        security: [],
        response: { 200: healthSchema("ready"), ...commonProblems },
      },
    },
    async () => {
      const away = await findAway(backends);
      if (away.length === 0) return { status: "ready" };
      throw new Problem({
        kind: "not-ready",
        status: 503,
        title: "Something that the API needs is away.",
        detail: `Away: ${away.join(", ")}.`,
        fix: "see the server's log; it goes on by itself when it is back.",
        headers: { "retry-after": "5" },
        members: { away },
      });
    },
  );
}
