/** gRPC status codes that we tell apart. */
export const grpcStatus = {
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  unimplemented: 12,
  unavailable: 14,
} as const;

/** The gRPC status code of an error of Temporal's client; undefined if it bears none. */
export function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if ("code" in error && typeof error.code === "number") return error.code;
  return "cause" in error ? statusOf(error.cause) : undefined;
}
