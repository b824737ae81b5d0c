/** A list of 1,000 ranges needs about 40 kB; a list that is much too long should still be told so in its own words. */
export const maximumBodyBytes = 256 * 1024;
/** The longest that a call may take: longer than Temporal's own deadlines, so that their errors say more. */
export const handlerTimeoutMs = 30_000;
/** How long a client may take to send its request. */
export const requestTimeoutMs = 15_000;
/** Idle connections are closed after this. */
export const keepAliveTimeoutMs = 30_000;
/** How long requests in flight may take to end when the server stops. */
export const drainTimeoutMs = 10_000;
/**
 * Requeues that one process asks of a queue at once. Temporal refuses the eleventh update in flight of a workflow
 * (`history.maxInFlightUpdates`), and others ask as well.
 */
export const requeuesAtOnce = 8;
/** How long a requeue may wait for its turn: with the deadlines of its call it stays below `handlerTimeoutMs`. */
export const turnTimeoutMs = 17_000;
