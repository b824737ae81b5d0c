import type { NetworkConfig } from "../config/load-config.ts";
import { NodeUnavailableError, RangeBeyondHeadError } from "../errors.ts";
import type { CommandContext } from "./context.ts";

/**
 * Refuses blocks that the chain does not have yet. A node that the client cannot reach is no reason to refuse: the
 * worker waits for it and says so.
 * @throws {RangeBeyondHeadError}
 */
export async function refuseBeyondHead(
  context: CommandContext,
  network: NetworkConfig,
  toBlock: number,
): Promise<void> {
  const head = await readHead(context, network);
  if (head !== null && toBlock > head) throw new RangeBeyondHeadError({ toBlock, head });
}

async function readHead(context: CommandContext, network: NetworkConfig): Promise<number | null> {
  try {
    return await context.readHead(network);
  } catch (error) {
    if (error instanceof NodeUnavailableError) return null;
    throw error;
  }
}
