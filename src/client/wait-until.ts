import { setTimeout as sleep } from "node:timers/promises";

/** Asks again and again until the answer is yes; false when `timeoutMs` is over (default: never). */
export async function waitUntil(
  isDone: () => Promise<boolean>,
  { intervalMs, timeoutMs = Number.POSITIVE_INFINITY }: { intervalMs: number; timeoutMs?: number },
): Promise<boolean> {
  const start = performance.now();
  for (;;) {
    if (await isDone()) return true;
    if (performance.now() - start >= timeoutMs) return false;
    await sleep(intervalMs);
  }
}
