import type { HeadPolicy } from "../domain/chain.ts";
import type { Processor } from "../domain/processor.ts";
import type { Dependencies } from "./ports.ts";

type FollowStartInput = {
  readonly network: string;
  readonly processors: readonly Processor[];
  readonly headPolicy: HeadPolicy | null;
};

/** Finds where follow starts when nobody said: after the highest complete block, or at the head. Reads only. */
export function createFindFollowStart({
  network,
  ledger,
}: Pick<Dependencies, "network" | "ledger">) {
  return async function findFollowStart(input: FollowStartInput): Promise<{ nextBlock: number }> {
    const [highest] = await ledger.hashesAbove(input.network, -1, 1);
    if (highest !== undefined) return { nextBlock: highest.number + 1 };
    const { node, headPolicy } = await network(input.network);
    const head = await node.head(input.headPolicy ?? headPolicy);
    return { nextBlock: head?.number ?? 0 };
  };
}
