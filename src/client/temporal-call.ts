import {
  type Client,
  isGrpcServiceError,
  QueryNotRegisteredError,
  ServiceError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from "@temporalio/client";
import {
  AppError,
  JobNotRunningError,
  NoWorkerError,
  RequestRefusedError,
  TemporalUnavailableError,
} from "../errors.ts";

/** How long a call may take before the client says who does not answer. */
const callTimeoutMs = 10_000;
/** For a look that a display repeats anyway. */
export const glanceTimeoutMs = 2_000;

/** What a call is about: names the workflow in errors, and the command that starts it. */
export type CallTarget = { readonly workflowId: string; readonly startCommand: string };

/** gRPC status codes that say "the server is away", not "the request is wrong". */
const awayCodes: ReadonlySet<number> = new Set([1, 4, 14]);
const invalidArgument = 3;
const resourceExhausted = 8;
/** What Temporal says, some seconds after a kill, to a query that no worker can take: "no poller seen … recently". */
const failedPrecondition = 9;

/**
 * Calls Temporal with a deadline and says in our words what went wrong.
 * @throws {TemporalUnavailableError} @throws {NoWorkerError} @throws {JobNotRunningError} @throws {RequestRefusedError}
 */
export async function callTemporal<Answer>(
  client: Client,
  target: CallTarget,
  call: () => Promise<Answer>,
  timeoutMs: number = callTimeoutMs,
): Promise<Answer> {
  try {
    return await client.withDeadline(Date.now() + timeoutMs, call);
  } catch (error) {
    throw await explain(client, target, error);
  }
}

async function explain(client: Client, target: CallTarget, error: unknown): Promise<unknown> {
  if (error instanceof AppError) return error;
  if (error instanceof WorkflowNotFoundError) {
    return new JobNotRunningError({ workflowId: target.workflowId, start: target.startCommand });
  }
  if (error instanceof WorkflowUpdateFailedError) {
    return new RequestRefusedError({ reason: reasonOf(error.cause) });
  }
  if (error instanceof QueryNotRegisteredError) {
    return new RequestRefusedError({ reason: `${target.workflowId}: ${firstLine(error.message)}` });
  }
  if (isAway(error)) return whoIsAway(client, target, error);
  const code = grpcCode(error);
  if (code === failedPrecondition) return new NoWorkerError({ workflowId: target.workflowId });
  if (code === invalidArgument || code === resourceExhausted) {
    return new RequestRefusedError({ reason: `Temporal says: ${firstLine(grpcText(error))}` });
  }
  return error;
}

/** A silent query or update may mean no server or no worker: a describe needs the server only. */
async function whoIsAway(client: Client, target: CallTarget, error: unknown): Promise<AppError> {
  try {
    await client.withDeadline(Date.now() + glanceTimeoutMs, () =>
      client.workflowService.getSystemInfo({}),
    );
    return new NoWorkerError({ workflowId: target.workflowId });
  } catch {
    return temporalUnavailable(client, error);
  }
}

function temporalUnavailable(client: Client, error: unknown): TemporalUnavailableError {
  return new TemporalUnavailableError({
    address: addressOf(client),
    reason: firstLine(grpcText(error)),
  });
}

function addressOf(client: Client): string {
  const { connection } = client;
  const options: unknown = "options" in connection ? connection.options : undefined;
  return typeof options === "object" && options !== null && "address" in options
    ? String(options.address)
    : "unknown";
}

/** Whether an error says that the server did not answer in time or at all. */
export function isAway(error: unknown): boolean {
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return true;
  const code = grpcCode(error);
  return code !== undefined && awayCodes.has(code);
}

function grpcCode(error: unknown): number | undefined {
  const inner = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(inner) ? inner.code : undefined;
}

function grpcText(error: unknown): string {
  const inner = error instanceof ServiceError ? error.cause : error;
  if (isGrpcServiceError(inner)) return inner.details || inner.message;
  return inner instanceof Error ? inner.message : String(inner);
}

/** The reason within a refusal: the error that it becomes here frames it with what and fix again. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return "the workflow gave no reason";
  const [what = "", ...facts] = cause.message.split("\n").map((line) => line.trim());
  const reasons = facts.filter((line) => !line.startsWith("Fix: "));
  return reasons.length > 0 ? reasons.join("; ") : what;
}

function firstLine(text: string): string {
  return text.split("\n")[0] ?? text;
}
