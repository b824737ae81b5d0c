import { processors } from "../domain/processor.ts";

// What /api/docs says of requests and answers. Requests are checked against it; answers are held to it by a test.

const blockNumber = { type: "integer", minimum: 0 } as const;
const nullable = (type: string) => ({ type: [type, "null"] });

/** RFC 9457; what the reference's errors hold stands beside it. */
export const problemSchema = {
  $id: "Problem",
  type: "object",
  required: ["type", "title", "status", "requestId"],
  properties: {
    type: { type: "string", description: "urn:blockloom:problem:KIND; docs/api.md lists them" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    fix: { type: "string", description: "what to do about it" },
    requestId: { type: "string", description: "stands in the server's log too" },
    error: { type: "string", description: "as execution-processor words it" },
    block_number: { type: "string" },
    processor: { type: "string" },
  },
  additionalProperties: true,
} as const;

const problemBody = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: { $ref: "Problem#" } } },
});

/** The answers that every call may give. */
export const commonProblems = {
  "4xx": problemBody("The request cannot be read, is not allowed, or cannot be done."),
  "5xx": problemBody("Something that it needs is away; asking again is safe."),
};

export const networkQuery = {
  type: "string",
  maxLength: 64,
  description: "network name; with one configured network it may be left out",
} as const;

export const processorParam = {
  type: "string",
  description: `${processors.join(", ")}, or the reference's transaction_structlog, transaction_structlog_agg, transaction_simple`,
} as const;

export const blockNumberParam = { type: "string", description: "a decimal of 64 bits" } as const;

export const reasonSchema = {
  type: "string",
  maxLength: 200,
  description: "why; it stands in the ledger",
} as const;

const queueFields = {
  status: { type: "string", enum: ["queued", "partial"] },
  processor: { type: "string" },
  network: { type: "string" },
  queue: { type: "string", description: "id of the workflow that does it" },
  paused: { type: "boolean", description: "gap-fill is paused: nothing happens before it resumes" },
} as const;

export const queuedBlockSchema = {
  description: "Queued, or queued already.",
  type: "object",
  required: [
    ...Object.keys(queueFields),
    "block_number",
    "transaction_count",
    "tasks_created",
    "already_queued",
  ],
  properties: {
    ...queueFields,
    block_number: blockNumber,
    transaction_count: { type: "integer" },
    tasks_created: { type: "integer", description: "blocks queued now: 0 or 1" },
    already_queued: { type: "boolean" },
  },
  additionalProperties: false,
};

export const blockListSchema = {
  type: "object",
  properties: {
    blocks: {
      type: ["array", "null"],
      description:
        'numbers, and ranges such as "20-22" or "15M:+10"; at most 1,000 blocks together',
      items: { anyOf: [blockNumber, { type: "string", maxLength: 64 }] },
    },
    reason: reasonSchema,
  },
  additionalProperties: false,
} as const;

export const queuedBlocksSchema = (description: string) => ({
  description,
  type: "object",
  required: [...Object.keys(queueFields), "summary", "results"],
  properties: {
    ...queueFields,
    summary: {
      type: "object",
      required: ["total", "queued", "skipped", "failed"],
      properties: {
        total: { type: "integer" },
        queued: { type: "integer" },
        skipped: { type: "integer", description: "waited already" },
        failed: { type: "integer" },
      },
      additionalProperties: false,
    },
    results: {
      type: "array",
      items: {
        type: "object",
        required: ["block_number", "status", "tasks_created"],
        properties: {
          block_number: blockNumber,
          status: { type: "string", enum: ["queued", "skipped", "failed"] },
          tasks_created: { type: "integer", description: "blocks queued now: 0 or 1" },
          error: { type: "string" },
        },
        additionalProperties: false,
      },
    },
  },
  additionalProperties: false,
});

const rangeFields = { fromBlock: blockNumber, toBlock: blockNumber } as const;
const rangeSchema = { type: "object", required: ["fromBlock", "toBlock"], properties: rangeFields };

export const statusSchema = {
  description: "Every job that runs, and who works.",
  type: "object",
  required: ["jobs", "workers", "staking"],
  properties: {
    jobs: {
      type: "array",
      items: {
        type: "object",
        required: ["workflowId", "kind", "network", "progress", "pending", "waitingFor", "link"],
        properties: {
          workflowId: { type: "string" },
          kind: { type: "string", enum: ["follow", "backfill", "gap-fill"] },
          network: { type: "string" },
          startedAt: { type: "string", format: "date-time" },
          progress: {
            ...nullable("object"),
            description: "the job's own words; null while no worker answers",
          },
          pending: { type: "array", items: { type: "object" } },
          waitingFor: { ...nullable("string"), description: "why it stands still; null: it moves" },
          link: { ...nullable("string"), description: "to the workflow in Temporal's UI" },
        },
      },
    },
    staking: {
      ...nullable("object"),
      description: "signer, bridge and workers of the staking service; null without one",
    },
    workers: {
      type: "array",
      items: {
        type: "object",
        required: ["taskQueue", "work", "workers", "lastSeenSeconds"],
        properties: {
          taskQueue: { type: "string" },
          work: { type: "string", enum: ["workflows", "activities"] },
          workers: { type: "array", items: { type: "string" } },
          lastSeenSeconds: nullable("number"),
        },
      },
    },
  },
};

const coverageStatus = {
  type: "string",
  enum: ["proven", "unverified", "failed", "quarantined", "missing"],
} as const;

export const coverageSchema = {
  description: "What is proven, and what is not.",
  type: "object",
  required: ["network", "proven", "processors"],
  properties: {
    network: { type: "string" },
    proven: { type: "boolean", description: "every block of every processor" },
    processors: {
      type: "array",
      items: {
        type: "object",
        required: ["processor", "proven", "expected", "blocks", "ranges", "notExpected"],
        properties: {
          processor: { type: "string" },
          proven: { type: "boolean" },
          expected: { type: "array", items: rangeSchema },
          notExpected: { type: "array", items: rangeSchema },
          blocks: {
            type: "object",
            required: [...coverageStatus.enum],
            additionalProperties: { type: "integer" },
          },
          ranges: {
            type: "array",
            items: {
              type: "object",
              required: ["fromBlock", "toBlock", "status"],
              properties: { ...rangeFields, status: coverageStatus },
            },
          },
        },
      },
    },
  },
};

const ledgerRow = {
  type: "object",
  required: ["processor", "blockNumber", "status", "generation", "attempts", "proof"],
  properties: {
    processor: { type: "string" },
    blockNumber,
    blockHash: { type: "string" },
    status: { type: "string", enum: ["retracted", "failed", "quarantined", "complete"] },
    generation: { type: "integer" },
    attempts: { type: "integer" },
    proof: { type: "string", enum: ["proven", "unverified"] },
  },
} as const;

export const blockSchema = {
  description: "The rows that count, and every version ever written, oldest first.",
  type: "object",
  required: ["network", "blockNumber", "rows", "story"],
  properties: {
    network: { type: "string" },
    blockNumber,
    rows: { type: "array", items: ledgerRow },
    story: { type: "array", items: ledgerRow },
  },
};

export const healthSchema = (status: string) => ({
  description: status,
  type: "object",
  required: ["status"],
  properties: { status: { type: "string", enum: [status] } },
  additionalProperties: false,
});
