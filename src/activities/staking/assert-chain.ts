import { RequestRefusedError } from "../../errors.ts";

/** A task of another chain on this worker's queue. @throws {RequestRefusedError} */
export function assertChain(served: { readonly chainId: number }, chainId: number): void {
  if (served.chainId !== chainId) {
    throw new RequestRefusedError({
      reason: `asked for chain ${chainId}; this worker serves chain ${served.chainId}`,
    });
  }
}
