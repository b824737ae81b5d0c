import type { CodeQuery } from "../activities/ports.ts";
import { NodeUnavailableError } from "../errors.ts";
import type { NodeCalls } from "./node-calls.ts";

/** `0xef0100` and an address: an account that runs another one's code (EIP-7702). */
const delegation = /^0xef0100([0-9a-f]{40})$/i;

/** Reverts whatever it is called with: chains built with Frontier (Moonbeam, Astar) mark their precompiles so. */
const alwaysReverts = "0x60006000fd";

/**
 * Which accounts run code when they are called, as a block left them. One byte is no contract: some chains mark what is
 * built into their nodes so.
 * @param query.followsDelegations - false: an account that delegates counts as one without code.
 * @returns null where the node cannot say.
 */
export async function findCode(
  calls: Pick<NodeCalls, "demandEach">,
  { addresses, blockHash, followsDelegations }: CodeQuery,
  signal?: AbortSignal,
): Promise<readonly boolean[] | null> {
  const ask = (accounts: readonly string[]) =>
    calls.demandEach(
      "eth_getCode",
      accounts.map((account) => [account, { blockHash }]),
      { signal },
    );
  try {
    const codes = (await ask(addresses)).map(String);
    if (!followsDelegations) return codes.map(isContract);
    const delegates = codes.map((code) => delegation.exec(code)?.[1]);
    const targets = [...new Set(delegates.filter((delegate) => delegate !== undefined))];
    const targetCodes = (await ask(targets.map((target) => `0x${target}`))).map(String);
    return codes.map((code, index) => {
      const delegate = delegates[index];
      return isContract(delegate === undefined ? code : targetCodes[targets.indexOf(delegate)]);
    });
  } catch (error) {
    if (error instanceof NodeUnavailableError) return null;
    throw error;
  }
}

/** Code that begins with 0xef runs nothing (EIP-3541). */
function isContract(code: string | undefined): boolean {
  if (code === undefined || code.length <= 4 || code === alwaysReverts) return false;
  return !code.toLowerCase().startsWith("0xef");
}
