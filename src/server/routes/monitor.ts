import type { FastifyInstance, FastifyReply } from "fastify";
import type { StakingDesk } from "../../staking/desk.ts";
import { commonProblems } from "../schemas.ts";
import { createMonitor } from "../staking/monitor.ts";

/** How long an answer counts, so that probes of any number cost one look. */
const freshMs = 1_000;

/**
 * The reference's monitor, with its JSON. For orchestrators: without a token and not counted. Liveness tells whether the
 * queue is served; a low balance is no reason for a restart, so it stands in readiness.
 */
export function addMonitorRoutes(app: FastifyInstance, desk: StakingDesk): void {
  const monitor = createMonitor(desk);
  const ways = [
    {
      url: "/api/monitor/liveness",
      operationId: "readLiveness",
      summary: "Whether the queue is served",
      words: ["processor", "nonAckPendingTx"],
      read: () => monitor.queue(),
    },
    {
      url: "/api/monitor/readiness",
      operationId: "readReadiness",
      summary: "Whether the account can pay, and no message is stuck",
      words: ["balance", "pendingMessageIsStuck"],
      read: async () => {
        const [balance, pendingMessageIsStuck] = await Promise.all([
          monitor.balance(),
          monitor.pendingMessageIsStuck(),
        ]);
        return { balance, pendingMessageIsStuck };
      },
    },
    {
      url: "/api/monitor",
      operationId: "readMonitor",
      summary: "Balance and queue in one answer",
      words: ["balance", "processor", "nonAckPendingTx"],
      read: async () => {
        const [balance, queue] = await Promise.all([monitor.balance(), monitor.queue()]);
        return { balance, ...queue };
      },
    },
  ] as const;
  for (const { url, operationId, summary, words, read } of ways) {
    const look = shared<Readonly<Record<string, string>>>(read);
    app.get(
      url,
      {
        config: { rateLimit: false },
        schema: {
          operationId,
          summary,
          tags: ["health"],
          security: [],
          response: {
            200: wordsSchema("All of it is ok.", words),
            500: wordsSchema("Something is not; its word says what.", words),
            ...commonProblems,
          },
        },
      },
      async (_, reply) => answer(reply, await look()),
    );
  }
}

function answer(reply: FastifyReply, words: Readonly<Record<string, string>>): FastifyReply {
  const isOk = Object.values(words).every((word) => word === "ok");
  return reply.code(isOk ? 200 : 500).send(words);
}

function shared<Answer>(read: () => Promise<Answer>): () => Promise<Answer> {
  let last: { readonly answer: Promise<Answer>; readonly at: number } | undefined;
  return () => {
    const now = performance.now();
    if (last === undefined || now - last.at >= freshMs) last = { answer: read(), at: now };
    return last.answer;
  };
}

function wordsSchema(description: string, words: readonly string[]) {
  const word = { type: "string", description: "`ok`, or `error - ` and what is wrong" };
  return {
    description,
    type: "object",
    required: [...words],
    properties: Object.fromEntries(words.map((name) => [name, word])),
    additionalProperties: false,
  };
}
