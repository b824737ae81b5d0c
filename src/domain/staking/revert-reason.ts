/** What a node answered instead of a result; nodes differ in all of it. */
export type NodeRefusal = { readonly message: string; readonly data?: unknown };

/** A revert; `reason` null: the contract gave none, or one that is no text. */
export type Revert = { readonly reason: string | null };

const errorSelector = "08c379a0"; // Error(string)
const panicSelector = "4e487b71"; // Panic(uint256)
const wordDigits = 64;
const maximumWords = 500;
/** Words of nodes before a contract's own. */
const before =
  /(?:execution reverted|VM Exception while processing transaction: revert(?:ed)?(?: with reason string)?|reverted)/i;

/**
 * Reads a node's refusal as the revert that it tells of; null where it tells of none (a fault of node or request).
 * Reason by the returned data where a node gives them (geth, anvil, hardhat), else by ganache's `reason`, else by the
 * message.
 */
export function readRevert({ message, data }: NodeRefusal): Revert | null {
  const returned =
    typeof data === "string"
      ? data.replace(/^reverted /i, "") // Nethermind and OpenEthereum say it before the bytes
      : findText(data, ["data", "result", "return"], isReturnData);
  if (returned !== null && isReturnData(returned)) return { reason: decodeReason(returned) };
  if (returned !== data && returned === "0x") return { reason: null };
  const named = findText(data, ["reason"], () => true);
  if (named !== null) return { reason: named };
  const said = before.exec(message);
  if (said === null) return null;
  const words = message
    .slice(said.index + said[0].length)
    .slice(0, maximumWords)
    .replace(/^[\s:'"]+|['"\s]+$/g, "")
    .trim();
  return { reason: words === "" ? null : words };
}

/** ganache puts an object per transaction hash around it, others one more `data`. */
function findText(
  value: unknown,
  names: readonly string[],
  fits: (text: string) => boolean,
  depth = 0,
): string | null {
  if (typeof value !== "object" || value === null || depth > 3) return null;
  for (const [name, inner] of Object.entries(value)) {
    if (names.includes(name) && typeof inner === "string" && fits(inner)) return inner;
  }
  for (const inner of Object.values(value)) {
    if (typeof inner !== "object") continue;
    const found = findText(inner, names, fits, depth + 1);
    if (found !== null) return found;
  }
  return null;
}

function isReturnData(text: string): boolean {
  return /^0x([0-9a-f]{2})+$/i.test(text);
}

/** @param data - what the call gave back. */
export function decodeReason(data: string): string | null {
  const selector = data.slice(2, 10).toLowerCase();
  const body = data.slice(10);
  if (selector === panicSelector && body.length >= wordDigits) {
    return `panic 0x${BigInt(`0x${body.slice(0, wordDigits)}`).toString(16)}`;
  }
  if (selector !== errorSelector || body.length < 2 * wordDigits) return null;
  const length = Number(BigInt(`0x${body.slice(wordDigits, 2 * wordDigits)}`));
  const digits = body.slice(2 * wordDigits, 2 * wordDigits + 2 * length);
  if (digits.length < 2 * length || length === 0) return null;
  const bytes = Uint8Array.from({ length }, (_, at) =>
    Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16),
  );
  return new TextDecoder().decode(bytes);
}
