import {
  ActivityFailure,
  ApplicationFailure,
  isCancellation,
  rootCause,
} from "@temporalio/workflow";

/** The longest text of an error that a workflow keeps and shows. */
const maximumLength = 1000;

/** The words of what went wrong in an activity: what, facts, fix. */
export function describeFault(error: unknown): string {
  return (rootCause(error) ?? String(error)).slice(0, maximumLength);
}

/** Whether an effect gave up for good: a fault that only a person can mend. Cancellation and bugs are none. */
export function isFault(error: unknown): error is ActivityFailure {
  return error instanceof ActivityFailure && !isCancellation(error);
}

/** The refusal of an input or a message, worded like the errors of src/errors.ts. */
export function refusal(reason: string): ApplicationFailure {
  return ApplicationFailure.create({
    type: "RequestRefusedError",
    nonRetryable: true,
    message: `The request was refused and changed nothing.\n  ${reason}\n  Fix: mend it and send it again.`,
  });
}

/** The failure that ends a workflow over a fault: its words and its type. */
export function failWith(fault: Error): ApplicationFailure {
  const cause = fault instanceof ActivityFailure ? fault.cause : fault;
  return ApplicationFailure.create({
    type: (cause instanceof ApplicationFailure ? cause.type : undefined) ?? "Error",
    nonRetryable: true,
    message: describeFault(fault),
    cause: fault,
  });
}

/** How often a job that stands still over a fault looks whether somebody has mended it. */
export const faultRetryInterval = "1 minute";
