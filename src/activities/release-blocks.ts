import { activityInfo } from "@temporalio/activity";
import { parseBlockList } from "../domain/block-spec.ts";
import { type LedgerOrigin, nextLedgerRow } from "../domain/ledger-transition.ts";
import type { Processor } from "../domain/processor.ts";
import { InvalidBlocksError } from "../errors.ts";
import type { ReleaseRequest } from "../workflows/messages.ts";
import type { Dependencies } from "./ports.ts";

/** At most so many blocks in one release; one by kind frees the rest in further calls. */
const maximumBlocks = 1000;

type ReleaseInput = {
  readonly network: string;
  readonly processors: readonly Processor[];
} & ReleaseRequest;

/**
 * Frees quarantined blocks: they count as failed, due now, with their attempts forgotten. Idempotent: a block that is
 * not in quarantine is left alone. @returns how many blocks were freed.
 */
export function createReleaseBlocks({ ledger, now }: Pick<Dependencies, "ledger" | "now">) {
  return async function releaseBlocks(input: ReleaseInput): Promise<{ released: number }> {
    const numbers =
      input.blocks === undefined
        ? await ledger.findByStatus({
            network: input.network,
            processors: input.processors,
            status: "quarantined",
            ...(input.kind === undefined ? {} : { kind: input.kind }),
            limit: maximumBlocks,
          })
        : listNumbers(input.blocks);
    if (numbers.length === 0) return { released: 0 };
    const standing = await ledger.readBlocks(input.network, input.processors, numbers);
    const quarantined = standing.filter(
      ({ status, errorKind }) =>
        status === "quarantined" && (input.kind === undefined || errorKind === input.kind),
    );
    if (quarantined.length === 0) return { released: 0 };
    const origin = originOf(input);
    const event = { kind: "released", now: now().toISOString() } as const;
    await ledger.write(
      quarantined.map((previous) => {
        const { network, processor, blockNumber } = previous;
        return nextLedgerRow({ key: { network, processor, blockNumber }, previous, event, origin });
      }),
    );
    return { released: new Set(quarantined.map(({ blockNumber }) => blockNumber)).size };
  };
}

function listNumbers(blocks: readonly (number | string)[]): number[] {
  const { ranges, refused } = parseBlockList(blocks, maximumBlocks);
  const [first] = refused;
  if (first) throw new InvalidBlocksError({ text: first.blocks, reason: first.why });
  return ranges.flatMap(({ fromBlock, toBlock }) =>
    Array.from({ length: toBlock - fromBlock + 1 }, (_, i) => fromBlock + i),
  );
}

function originOf(input: ReleaseInput): LedgerOrigin {
  const { workflowExecution } = activityInfo();
  return {
    workflowId: workflowExecution?.workflowId ?? "",
    runId: workflowExecution?.runId ?? "",
    reason: input.reason ?? "released",
    actor: input.actor ?? "",
  };
}
