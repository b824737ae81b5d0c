import type { BlockProof } from "../../trace/block-trace.ts";
import { mismatch } from "../../trace/trace-rejected.ts";
import type { FetchedBlock } from "./fetch-block.ts";

const check = "code_of_accounts";

/**
 * Asks the node for the code behind calls that came without steps, where nothing else tells whether they ran any. An
 * account that has code before the block and after it had it in between: a call to it takes a step at least. Not so a
 * delegation, which a block with authorizations may take back and give again.
 * @returns what the proof says of it; nothing where there was nothing to ask.
 * @throws {TraceRejected} proof_mismatch, check steps_of_transaction. @throws {NodeUnavailableError}
 */
export async function checkCodeRuns(
  { node, ref, source }: Pick<FetchedBlock, "node" | "ref" | "source">,
  { callsWithoutSteps = [] }: Pick<BlockProof, "callsWithoutSteps">,
  signal: AbortSignal,
): Promise<BlockProof["detail"]> {
  if (callsWithoutSteps.length === 0) return { checked: [], unverified: [] };
  let suspects = [...new Set(callsWithoutSteps.map(({ to }) => to))];
  let whyNot: string | undefined;
  const followsDelegations = source.block.transactions.every(
    ({ authorizationList }) => !authorizationList?.length,
  );
  // One of the two states, if the node has only that, clears most: who calls people calls accounts without code.
  for (const blockHash of [ref.parentHash, ref.hash]) {
    if (suspects.length === 0) break;
    const query = { addresses: suspects, blockHash, followsDelegations };
    const answer = (await node.findCode?.(query, signal)) ?? nobodyAsks;
    if (answer.haveCode === null) whyNot = answer.why;
    else suspects = suspects.filter((_, index) => answer.haveCode[index]);
  }
  const hole = callsWithoutSteps.find(({ to }) => suspects.includes(to));
  if (hole === undefined) return { checked: [check], unverified: [] };
  if (whyNot !== undefined) {
    const why = `skipped: ${whyNot}; accounts called without a step: ${suspects.length}`;
    return { checked: [], unverified: [{ check, why }] };
  }
  throw mismatch("steps_of_transaction", {
    expected: `steps of ${hole.to}, which has code`,
    actual: "none",
    transactionIndex: hole.transactionIndex,
  });
}

const nobodyAsks = { haveCode: null, why: "the node is not asked for code" } as const;
