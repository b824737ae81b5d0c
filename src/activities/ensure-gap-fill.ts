import type { Dependencies } from "./ports.ts";

/** Starts the gap-fill workflow of a network unless it runs: failed blocks are left to it. Idempotent. */
export function createEnsureGapFill(dependencies: Pick<Dependencies, "ensureGapFill">) {
  return async function ensureGapFill(input: {
    readonly network: string;
  }): Promise<{ workflowId: string; started: boolean }> {
    return dependencies.ensureGapFill(input.network);
  };
}
