import { AppError } from "../errors.ts";
import type { NodeFault } from "./node-observer.ts";

/** How a node failed, for people. */
export const faultWords = {
  unreachable: "it cannot be reached",
  timeout: "it does not answer in time",
  http: "it answers with an error status",
  garbled: "its answers are no JSON-RPC",
  rate_limited: "it is asked too often",
} as const satisfies Record<NodeFault["kind"], string>;

/** A fault in one line, for logs. */
export function describeFault(error: unknown): string {
  if (!(error instanceof AppError)) return "an unknown fault";
  return [error.message.split("\n", 1)[0], ...error.facts].join(" ");
}
