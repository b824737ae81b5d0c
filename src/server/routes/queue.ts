import type { FastifyInstance, FastifyRequest } from "fastify";
import type { NetworkConfig } from "../../config/load-config.ts";
import { findProcessor, type Processor, processors } from "../../domain/processor.ts";
import { NodeUnavailableError } from "../../errors.ts";
import { workflowIds } from "../../workflows/messages.ts";
import { actorOf, requireScope } from "../access.ts";
import { parseBlockItems, parsePathNumber } from "../block-list.ts";
import { requeuesAtOnce, turnTimeoutMs } from "../limits.ts";
import { networkOf } from "../network-of.ts";
import type { ServerParts } from "../parts.ts";
import { Problem, type ProblemOptions } from "../problem.ts";
import { toProblem } from "../problems.ts";
import { type QueueResult, queueBlocks, type WantedBlocks } from "../queue-blocks.ts";
import {
  blockListSchema,
  blockNumberParam,
  commonProblems,
  networkQuery,
  processorParam,
  queuedBlockSchema,
  queuedBlocksSchema,
  reasonSchema,
} from "../schemas.ts";
import { createTurns, type InTurn } from "../turns.ts";

/** What the queue's endpoints need: turns among all that ask through this process. */
type QueueParts = ServerParts & { readonly inTurn: InTurn };
type OneRequest = {
  Params: { processor: string; block_number: string };
  Querystring: { network?: string; reason?: string };
};
type ListRequest = {
  Params: { processor: string };
  Querystring: { network?: string };
  Body: { blocks?: (number | string)[] | null; reason?: string };
};

/** The reference's two endpoints, for every processor and idempotent: blocks to trace again. */
export function addQueueRoutes(app: FastifyInstance, serverParts: ServerParts): void {
  const inTurn = createTurns({ atOnce: requeuesAtOnce, waitMs: turnTimeoutMs });
  const parts: QueueParts = { ...serverParts, inTurn };
  const security = [{ bearer: ["queue"] }];
  app.post<OneRequest>(
    "/api/v1/queue/block/:processor/:block_number",
    {
      preParsing: requireScope("queue"),
      schema: {
        operationId: "queueBlock",
        summary: "Traces one block again",
        tags: ["queue"],
        security,
        params: {
          type: "object",
          properties: { processor: processorParam, block_number: blockNumberParam },
        },
        querystring: queryOf({ network: networkQuery, reason: reasonSchema }),
        response: { 200: queuedBlockSchema, ...commonProblems },
      },
    },
    (request) => queueOne(request, parts),
  );
  app.post<ListRequest>(
    "/api/v1/queue/blocks/:processor",
    {
      // The reference looks at the processor before it reads the body.
      preParsing: [
        requireScope("queue"),
        async (request) => {
          processorOf(request.params.processor);
        },
      ],
      schema: {
        operationId: "queueBlocks",
        summary: "Traces up to 1,000 blocks again",
        tags: ["queue"],
        security,
        params: { type: "object", properties: { processor: processorParam } },
        querystring: queryOf({ network: networkQuery }),
        body: blockListSchema,
        response: {
          200: queuedBlocksSchema("All are queued, or were already."),
          207: queuedBlocksSchema("Some are not: their results say why."),
          ...commonProblems,
        },
      },
    },
    async (request, reply) => {
      const { status, body } = await queueList(request, parts);
      return reply.code(status).send(body);
    },
  );
}

function queryOf(properties: Readonly<Record<string, object>>) {
  return { type: "object", properties, additionalProperties: false };
}

async function queueOne(request: FastifyRequest<OneRequest>, parts: QueueParts) {
  const { block_number: text, processor: name } = request.params;
  const number = parsePathNumber(text);
  if (number.kind === "invalid") throw invalidNumber(text);
  const processor = processorOf(name);
  const network = networkOf(parts.config, request.query.network);
  checkInUse(name, processor, network);
  if (number.kind === "beyond") throw aboveHead({ block_number: text, processor: name });

  const { blockNumber } = number;
  const members = { block_number: text, processor: name };
  const block = await askNode(parts, network, members, (node, signal) =>
    node.blockByNumber(blockNumber, signal),
  );
  if (block === null) throw aboveHead(members);
  const wanted = { network, processor, blocks: [blockNumber] };
  const result = await queue(request, parts, { ...wanted, reason: request.query.reason ?? "" });
  const isQueuedNow = result.results[0]?.status === "queued";
  if (result.isFull) throw queueFull(members);
  return {
    status: "queued",
    block_number: blockNumber,
    processor: name,
    network: network.name,
    queue: workflowIds.gapFill(network.name),
    transaction_count: block.transactions.length,
    tasks_created: isQueuedNow ? 1 : 0,
    already_queued: !isQueuedNow,
    paused: result.paused,
  };
}

async function queueList(request: FastifyRequest<ListRequest>, parts: QueueParts) {
  const { processor: name } = request.params;
  const processor = processorOf(name);
  const network = networkOf(parts.config, request.query.network);
  checkInUse(name, processor, network);
  const { blocks: items, reason = "" } = request.body;
  const blocks = parseBlockItems(items, name);
  const head = await askNode(parts, network, { processor: name }, (node, signal) =>
    node.head("latest", signal),
  );
  const result = await queue(
    request,
    parts,
    { network, processor, blocks, reason },
    head?.number ?? -1,
  );
  const summary = summarise(result);
  const members = { processor: name, summary, results: result.results };
  if (summary.failed === summary.total) {
    throw result.isFull ? queueFull(members) : aboveHead(members);
  }
  return {
    status: summary.failed > 0 ? 207 : 200,
    body: {
      status: summary.failed > 0 ? "partial" : "queued",
      processor: name,
      network: network.name,
      queue: workflowIds.gapFill(network.name),
      paused: result.paused,
      summary,
      results: result.results,
    },
  };
}

/** Queues, and says in the log who had what done, or tried to: the audit trail. */
async function queue(
  request: FastifyRequest,
  { backends, inTurn, logger }: QueueParts,
  wanted: Omit<WantedBlocks, "actor">,
  head = Number.MAX_SAFE_INTEGER,
): Promise<QueueResult> {
  const actor = actorOf(request.caller);
  const asked = {
    actor,
    address: request.ip,
    network: wanted.network.name,
    processor: wanted.processor,
    blocks: describeBlocks(wanted.blocks),
    reason: wanted.reason,
    requestId: request.id,
  };
  try {
    const result = await queueBlocks(
      { temporal: backends.temporal, inTurn },
      { ...wanted, actor },
      head,
    );
    logger.info("Queued blocks", { ...asked, ...summarise(result) });
    return result;
  } catch (error) {
    // Temporal may have taken it all the same, where no worker answered.
    logger.warn("Could not queue blocks", { ...asked, error });
    throw error;
  }
}

function describeBlocks(blocks: readonly number[]): string {
  const shown = blocks.slice(0, 20).join(",");
  return blocks.length > 20 ? `${shown},… (${blocks.length})` : shown;
}

function summarise({ results }: QueueResult) {
  const count = (status: string) => results.filter((result) => result.status === status).length;
  return {
    total: results.length,
    queued: count("queued"),
    skipped: count("skipped"),
    failed: count("failed"),
  };
}

/** A node that is away is the reference's 502, in its words. */
async function askNode<Answer>(
  { backends }: ServerParts,
  network: NetworkConfig,
  members: Readonly<Record<string, unknown>>,
  ask: Parameters<typeof backends.askNode<Answer>>[1],
): Promise<Answer> {
  try {
    return await backends.askNode(network, ask);
  } catch (error) {
    const problem: ProblemOptions | undefined =
      error instanceof NodeUnavailableError ? toProblem(error) : undefined;
    if (problem === undefined) throw error;
    const text = "failed to fetch block from execution node";
    throw new Problem({ ...problem, members: { error: text, ...members } });
  }
}

function processorOf(name: string): Processor {
  const processor = findProcessor(name);
  if (processor !== undefined) return processor;
  throw processorNotFound(name, `There are ${processors.join(", ")}.`);
}

function checkInUse(name: string, processor: Processor, network: NetworkConfig): void {
  if (network.processors.includes(processor)) return;
  const used = network.processors.join(", ");
  throw processorNotFound(name, `In use for ${network.name} are ${used}.`);
}

function processorNotFound(name: string, detail: string): Problem {
  return new Problem({
    kind: "unknown-processor",
    status: 404,
    title: "There is no such processor.",
    detail,
    fix: "name one of them.",
    members: { error: "processor not found", processor: name },
  });
}

function invalidNumber(text: string): Problem {
  return new Problem({
    kind: "invalid-block-number",
    status: 400,
    title: "That is no block number.",
    detail: `${JSON.stringify(text)} is not a decimal number of at most 64 bits.`,
    fix: "write it as in /api/v1/queue/block/structlog/17000000.",
    members: { error: "invalid block number format", block_number: text },
  });
}

function aboveHead(members: Readonly<Record<string, unknown>>): Problem {
  return new Problem({
    kind: "above-head",
    status: 422,
    title: "The chain has no such block.",
    fix: "wait until it has; follow indexes what comes.",
    members: { error: "block is above the head", ...members },
  });
}

function queueFull(members: Readonly<Record<string, unknown>>): Problem {
  return new Problem({
    kind: "queue-full",
    status: 429,
    title: "Gap-fill's queue is full.",
    fix: "ask again when some of it is done, or name ranges instead of scattered blocks.",
    headers: { "retry-after": "30" },
    members: { error: "queue is full", ...members },
  });
}
