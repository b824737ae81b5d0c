/** How many are named before the rest is counted. */
const maximumNamed = 5;

/** `nonce 3, 4`; of many `nonce 3, 4, 5, 6, 7 and 9 more`. Each is named once. */
export function nonceWords(nonces: readonly number[]): string {
  const once = [...new Set(nonces)];
  const more = once.length - maximumNamed;
  return `nonce ${once.slice(0, maximumNamed).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
