import type { FastifyInstance } from "fastify";
import { parseBlockNumber } from "../../client/block-text.ts";
import { readCoverage } from "../../client/coverage.ts";
import { readStakingStatus } from "../../client/staking-status.ts";
import { readSystemStatus } from "../../client/system-status.ts";
import { InvalidBlocksError } from "../../errors.ts";
import { requireScope } from "../access.ts";
import { parsePathNumber } from "../block-list.ts";
import { networkOf } from "../network-of.ts";
import type { ServerParts } from "../parts.ts";
import { Problem } from "../problem.ts";
import {
  blockNumberParam,
  blockSchema,
  commonProblems,
  coverageSchema,
  networkQuery,
  statusSchema,
} from "../schemas.ts";

const security = [{ bearer: ["read"] }];

/** What `client status --json` knows. */
export function addStatusRoute(
  app: FastifyInstance,
  { backends, config, linkTo, staking: desk }: ServerParts,
): void {
  app.get<{ Querystring: { network?: string } }>(
    "/api/v1/status",
    {
      preParsing: requireScope("read"),
      schema: {
        operationId: "readStatus",
        summary: "Every running job, what it waits for, and the workers",
        tags: ["read"],
        security,
        querystring: {
          type: "object",
          properties: { network: { ...networkQuery, description: "absent: all of them" } },
          additionalProperties: false,
        },
        response: { 200: statusSchema, ...commonProblems },
      },
    },
    async ({ query: { network: name } }) => {
      const filter = name === undefined ? {} : { network: networkOf(config, name).name };
      const configured = config.networks.map((network) => network.name);
      const status = await readSystemStatus(await backends.temporal(), {
        ...filter,
        configured,
        linkTo,
      });
      // Of no network, so a question about one leaves it out.
      const isAsked = desk !== null && name === undefined;
      return { ...status, staking: isAsked ? await readStakingStatus(desk, linkTo) : null };
    },
  );
}

type CoverageRequest = {
  Querystring: { network?: string; from?: string; to?: string; verify?: "true" | "false" };
};

/** What `client coverage --json` says. */
export function addCoverageRoute(app: FastifyInstance, { backends, config }: ServerParts): void {
  const block = { type: "string", maxLength: 40, description: "block number; 15M is 15000000" };
  app.get<CoverageRequest>(
    "/api/v1/coverage",
    {
      preParsing: requireScope("read"),
      schema: {
        operationId: "readCoverage",
        summary: "What is proven, and what is missing and why",
        tags: ["read"],
        security,
        querystring: {
          type: "object",
          properties: {
            network: networkQuery,
            from: block,
            to: block,
            verify: {
              type: "string",
              enum: ["true", "false"],
              description: "counts the stored rows again",
            },
          },
          additionalProperties: false,
        },
        response: { 200: coverageSchema, ...commonProblems },
      },
    },
    async ({ query: { network: name, from, to, verify } }) => {
      const { name: network, processors } = networkOf(config, name);
      const window = readWindow(from, to);
      const ledger = await backends.ledger();
      return readCoverage(ledger, { network, processors, ...window, verify: verify === "true" });
    },
  );
}

function readWindow(from: string | undefined, to: string | undefined) {
  const fromBlock = from === undefined ? undefined : parseBlockNumber(from);
  const toBlock = to === undefined ? undefined : parseBlockNumber(to);
  if (fromBlock !== undefined && toBlock !== undefined && fromBlock > toBlock) {
    const reason = `it ends (${toBlock}) before it starts (${fromBlock})`;
    throw new InvalidBlocksError({ text: `${fromBlock}-${toBlock}`, reason });
  }
  return {
    ...(fromBlock === undefined ? {} : { fromBlock }),
    ...(toBlock === undefined ? {} : { toBlock }),
  };
}

type BlockRequest = { Params: { block_number: string }; Querystring: { network?: string } };

/** The ledger's rows of a block, and its life. */
export function addBlockRoute(app: FastifyInstance, { backends, config }: ServerParts): void {
  app.get<BlockRequest>(
    "/api/v1/blocks/:block_number",
    {
      preParsing: requireScope("read"),
      schema: {
        operationId: "readBlock",
        summary: "The ledger's rows of a block, and its life",
        tags: ["read"],
        security,
        params: { type: "object", properties: { block_number: blockNumberParam } },
        querystring: {
          type: "object",
          properties: { network: networkQuery },
          additionalProperties: false,
        },
        response: { 200: blockSchema, ...commonProblems },
      },
    },
    async ({ params: { block_number: text }, query }) => {
      const { name: network, processors } = networkOf(config, query.network);
      const number = parsePathNumber(text);
      if (number.kind === "invalid") {
        throw new InvalidBlocksError({ text, reason: "it is no decimal number of 64 bits" });
      }
      if (number.kind === "beyond") throw unknownBlock(text);
      const ledger = await backends.ledger();
      const { blockNumber } = number;
      const [rows, story] = await Promise.all([
        ledger.readBlocks(network, processors, [blockNumber]),
        ledger.history(network, blockNumber),
      ]);
      if (rows.length === 0 && story.length === 0) throw unknownBlock(text);
      return { network, blockNumber, rows, story };
    },
  );
}

function unknownBlock(text: string): Problem {
  return new Problem({
    kind: "unknown-block",
    status: 404,
    title: "The ledger does not know the block.",
    detail: `Nobody had block ${text} indexed yet.`,
    fix: "have it indexed: POST /api/v1/queue/block/PROCESSOR/NUMBER, or a backfill.",
  });
}
