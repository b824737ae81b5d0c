/** gRPC status codes that we tell apart. */
export const grpcStatus = { notFound: 5, permissionDenied: 7, unimplemented: 12 } as const;

/** Deadline exceeded, and unavailable. */
const awayStatuses: ReadonlySet<number | undefined> = new Set([4, 14]);

/** Whether an error says that the server is away, not that the request is wrong. */
export function isServerAway(error: unknown): boolean {
  return awayStatuses.has(statusOf(error));
}

/** The gRPC status code of an error of Temporal's client; undefined if it bears none. */
export function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if ("code" in error && typeof error.code === "number") return error.code;
  return "cause" in error ? statusOf(error.cause) : undefined;
}
