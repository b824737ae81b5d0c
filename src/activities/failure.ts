import { ApplicationFailure } from "@temporalio/activity";
import { AppError } from "../errors.ts";

/**
 * Translates our errors into failures once: the type is the error's class, `retryable` decides, and the history keeps
 * the text without stack and cause, because those of libraries may hold a url with its token.
 */
export function withFailures<Input, Output>(
  activity: (input: Input) => Promise<Output>,
): (input: Input) => Promise<Output> {
  return async (input) => {
    try {
      return await activity(input);
    } catch (error) {
      throw error instanceof AppError ? toFailure(error) : error;
    }
  };
}

function toFailure(error: AppError): ApplicationFailure {
  const failure = ApplicationFailure.create({
    message: error.message,
    type: error.name,
    nonRetryable: !error.retryable,
  });
  failure.stack = "";
  return failure;
}
