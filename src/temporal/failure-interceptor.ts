import { CompleteAsyncError } from "@temporalio/activity";
import { ApplicationFailure, TemporalFailure } from "@temporalio/common";
import { type ActivityExecuteInput, type ActivityInterceptorsFactory } from "@temporalio/worker";
import { redact } from "../domain/redact.ts";
import { AppError } from "../errors.ts";

/**
 * Translates what activities throw, once: our errors keep name, message and whether a retry makes sense.
 * Failures are stored in history in clear, and client libraries put urls with tokens into messages, causes and stacks;
 * so no cause goes on, and a foreign message only without urls.
 */
export const failureInterceptor: ActivityInterceptorsFactory = () => ({
  inbound: {
    execute: async (input: ActivityExecuteInput, next) => {
      try {
        return await next(input);
      } catch (error) {
        throw toFailure(error);
      }
    },
  },
});

/** Failures of Temporal's own pass as they are. */
export function toFailure(error: unknown): unknown {
  if (error instanceof AppError) {
    return withStack("", {
      type: error.name,
      message: error.message,
      nonRetryable: !error.retryable,
    });
  }
  if (isOfTemporal(error)) return error;
  if (error instanceof Error) {
    return withStack(redact(error.stack ?? ""), {
      type: error.name,
      message: redact(error.message),
    });
  }
  return withStack("", { type: "UnknownError", message: redact(String(error)) });
}

function isOfTemporal(error: unknown): boolean {
  return (
    error instanceof TemporalFailure ||
    error instanceof CompleteAsyncError ||
    // How an aborted call ends; the SDK takes it for the cancellation that it is.
    (error instanceof Error && error.name === "AbortError")
  );
}

function withStack(
  stack: string,
  options: { type: string; message: string; nonRetryable?: boolean },
): ApplicationFailure {
  const failure = ApplicationFailure.create(options);
  failure.stack = stack;
  return failure;
}
