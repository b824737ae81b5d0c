import type { BlockProof } from "../../trace/block-trace.ts";
import { mismatch } from "../../trace/trace-rejected.ts";
import type { FetchedBlock } from "./fetch-block.ts";

/** One batch of calls, or two. */
const mostAccounts = 100;

/**
 * Asks the node for the code behind calls that came without steps, where nothing else tells whether they ran any. An
 * account that has code before the block and after it had it in between: a call to it takes a step at least. Not so a
 * delegation, which a block with authorizations may take back and give again.
 * @throws {TraceRejected} proof_mismatch, check steps_of_transaction. Where the node cannot say, nothing is held against
 * it.
 */
export async function checkCodeRuns(
  { node, ref, source }: Pick<FetchedBlock, "node" | "ref" | "source">,
  { callsWithoutSteps = [] }: Pick<BlockProof, "callsWithoutSteps">,
  signal: AbortSignal,
): Promise<void> {
  let addresses = [...new Set(callsWithoutSteps.map(({ to }) => to))].slice(0, mostAccounts);
  const followsDelegations = source.block.transactions.every(
    ({ authorizationList }) => !authorizationList?.length,
  );
  for (const blockHash of [ref.parentHash, ref.hash]) {
    if (addresses.length === 0) return;
    const haveCode = await node.findCode?.({ addresses, blockHash, followsDelegations }, signal);
    if (!haveCode) return;
    addresses = addresses.filter((_, index) => haveCode[index]);
  }
  const hole = callsWithoutSteps.find(({ to }) => addresses.includes(to));
  if (hole === undefined) return;
  throw mismatch("steps_of_transaction", {
    expected: `steps of ${hole.to}, which has code`,
    actual: "none",
    transactionIndex: hole.transactionIndex,
  });
}
