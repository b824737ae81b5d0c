import type { CodeAnswer, CodeQuery } from "../activities/ports.ts";
import { type AppError, NodeUnavailableError } from "../errors.ts";
import { RpcRefusal } from "./faults.ts";
import type { NodeCalls } from "./node-calls.ts";

/** `0xef0100` and an address: an account that runs another one's code (EIP-7702). */
const delegation = /^0xef0100([0-9a-f]{40})$/i;

/** Reverts whatever it is called with: chains built with Frontier (Moonbeam, Astar) mark their precompiles so. */
const alwaysReverts = "0x60006000fd";

/** A moment's outage must not leave a block without this check; a gateway that never answers must not hold it up. */
const tries = 2;

/** What is asked of the node, and how it is known that it is there. */
export type CodeSource = {
  readonly calls: Pick<NodeCalls, "askEach" | "malformed">;
  readonly isHealthy: (signal?: AbortSignal) => Promise<boolean>;
};

/**
 * Which accounts run code when they are called, as a block left them. One byte is no contract: some chains mark what is
 * built into their nodes so.
 * @param query.followsDelegations - false: an account that delegates counts as one without code.
 * @throws {NodeUnavailableError} when the node answers nothing else either.
 */
export async function findCode(
  { calls, isHealthy }: CodeSource,
  query: CodeQuery,
  signal?: AbortSignal,
): Promise<CodeAnswer> {
  let why = "";
  for (let attempt = 0; attempt < tries; attempt += 1) {
    try {
      return { haveCode: await readCode(calls, query, signal) };
    } catch (error) {
      if (error instanceof RpcRefusal) return { haveCode: null, why: error.message };
      if (!(error instanceof NodeUnavailableError) || !(await isHealthy(signal))) throw error;
      why = reasonOf(error);
    }
  }
  return { haveCode: null, why };
}

async function readCode(
  calls: CodeSource["calls"],
  { addresses, blockHash, followsDelegations }: CodeQuery,
  signal: AbortSignal | undefined,
): Promise<readonly boolean[]> {
  const ask = async (accounts: readonly string[]) => {
    const params = accounts.map((account) => [account, { blockHash }]);
    const codes = await calls.askEach("eth_getCode", params, { signal });
    if (!codes.every(isCode)) throw calls.malformed("eth_getCode");
    return codes;
  };
  const codes = await ask(addresses);
  if (!followsDelegations) return codes.map(isContract);
  const delegates = codes.map((code) => delegation.exec(code)?.[1]);
  const targets = [...new Set(delegates.filter((delegate) => delegate !== undefined))];
  const targetCodes = await ask(targets.map((target) => `0x${target}`));
  return codes.map((code, index) => {
    const delegate = delegates[index];
    return isContract(delegate === undefined ? code : targetCodes[targets.indexOf(delegate)]);
  });
}

function isCode(code: unknown): code is string {
  return typeof code === "string" && code.startsWith("0x");
}

/** Code that begins with 0xef runs nothing (EIP-3541). */
function isContract(code: string | undefined): boolean {
  if (code === undefined || code.length <= 4 || code === alwaysReverts) return false;
  return !code.toLowerCase().startsWith("0xef");
}

/** The facts of an outage without its name of the node, which stands beside them. */
function reasonOf({ facts }: AppError): string {
  return facts.join("; ");
}
