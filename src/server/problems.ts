import type { FastifyError } from "fastify";
import {
  AppError,
  ConfigError,
  DiskFullError,
  InvalidBlocksError,
  JobNotRunningError,
  NodeRefusedError,
  NodeUnavailableError,
  NoWorkerError,
  RangeBeyondHeadError,
  RequestRefusedError,
  SchemaMismatchError,
  StakingContractError,
  StorageRefusedError,
  StorageUnavailableError,
  TemporalUnavailableError,
  UnknownNetworkError,
  UnreadablePayloadError,
  WrongChainError,
} from "../errors.ts";
import { maximumBodyBytes } from "./limits.ts";
import { Problem, type ProblemOptions } from "./problem.ts";

type Kind = Pick<ProblemOptions, "kind" | "status" | "title" | "fix">;
type AppErrorClass = abstract new (...facts: never[]) => AppError;

/** What comes back by itself is worth asking again after so many seconds. */
const retryAfter = { "retry-after": "5" };

const unusable: Kind = {
  kind: "configuration",
  status: 503,
  title: "The configuration cannot be used.",
};

/** Errors that calls throw, as HTTP says them; a fix given here is for people without a command line. */
const kinds: readonly (readonly [AppErrorClass, Kind])[] = [
  [
    UnknownNetworkError,
    {
      kind: "unknown-network",
      status: 404,
      title: "The network is not configured.",
      fix: "name a configured one with ?network=NAME.",
    },
  ],
  [UnreadablePayloadError, unusable],
  [InvalidBlocksError, { kind: "invalid-blocks", status: 400, title: "That names no blocks." }],
  [
    RangeBeyondHeadError,
    { kind: "above-head", status: 422, title: "The chain has no such block." },
  ],
  [
    RequestRefusedError,
    { kind: "request-refused", status: 422, title: "The request was refused and changed nothing." },
  ],
  [
    NodeUnavailableError,
    {
      kind: "node-unavailable",
      status: 502,
      title: "The execution node does not answer.",
      fix: "check that the node runs; nothing was changed, so ask again.",
    },
  ],
  [
    NodeRefusedError,
    {
      kind: "node-refused",
      status: 502,
      title: "The node gave no usable answer.",
      fix: "ask again; nothing was changed.",
    },
  ],
  [WrongChainError, unusable],
  [StakingContractError, unusable],
  [
    TemporalUnavailableError,
    { kind: "temporal-unavailable", status: 503, title: "Temporal does not answer." },
  ],
  [NoWorkerError, { kind: "no-worker", status: 503, title: "No worker answers." }],
  [JobNotRunningError, { kind: "job-not-running", status: 503, title: "The job does not run." }],
  [
    StorageUnavailableError,
    { kind: "storage-unavailable", status: 503, title: "ClickHouse does not answer." },
  ],
  [
    StorageRefusedError,
    { kind: "storage-refused", status: 503, title: "ClickHouse refused a statement." },
  ],
  [DiskFullError, { kind: "disk-full", status: 503, title: "A disk is full." }],
  [
    SchemaMismatchError,
    {
      kind: "schema-mismatch",
      status: 503,
      title: "The ClickHouse schema does not fit this version.",
    },
  ],
  [ConfigError, unusable],
];

/** What Fastify throws before a handler runs. */
const frameworkKinds: Readonly<Record<string, Kind>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: {
    kind: "body-too-large",
    status: 413,
    title: "The body is too large.",
    fix: `send at most ${maximumBodyBytes} bytes.`,
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    kind: "unsupported-media-type",
    status: 415,
    title: "The body is not JSON.",
    fix: "send JSON with the header `Content-Type: application/json`.",
  },
  FST_ERR_HANDLER_TIMEOUT: {
    kind: "timeout",
    status: 503,
    title: "The answer took too long.",
    fix: "ask again; what you asked for may still be done, and asking again is safe.",
  },
};

/** An error as a problem; undefined for one that nobody expected: it is logged, and its caller told nothing of it. */
export function toProblem(error: unknown): ProblemOptions | undefined {
  if (error instanceof Problem) return error.options;
  if (error instanceof AppError) return fromAppError(error);
  return isFrameworkError(error) ? fromFramework(error) : undefined;
}

function fromAppError(error: AppError): ProblemOptions | undefined {
  const [, kind] = kinds.find(([type]) => error instanceof type) ?? [];
  if (kind === undefined) return undefined;
  const [what = ""] = error.message.split("\n");
  const fix = kind.fix ?? error.fix;
  return {
    ...kind,
    detail: [what, ...error.facts].join(" "),
    ...(fix === undefined ? {} : { fix }),
    ...(kind.status === 503 ? { headers: retryAfter } : {}),
  };
}

function fromFramework(error: FastifyError): ProblemOptions | undefined {
  const known = frameworkKinds[error.code];
  if (known) return known.status === 503 ? { ...known, headers: retryAfter } : known;
  const status = error.statusCode ?? 500;
  if (status < 400 || status >= 500) return undefined;
  return {
    kind: "bad-request",
    status,
    title: "The request cannot be read.",
    detail: error.message,
    fix: "compare it with /api/docs.",
    ...(error.validationContext === "body" || error.code?.startsWith("FST_ERR_CTP")
      ? { members: { error: "invalid request body" } }
      : {}),
  };
}

/** JSON.parse's SyntaxError comes as one too: Fastify gives it a status. */
function isFrameworkError(error: unknown): error is FastifyError {
  return error instanceof Error && "statusCode" in error && typeof error.statusCode === "number";
}
