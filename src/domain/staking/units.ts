/** Of DIP and of ether alike. */
export const etherDecimals = 18;
export const gweiDecimals = 9;

/**
 * `1000.5` for an amount in a token's smallest unit, exact and without needless zeros. viem's does not run everywhere: it
 * is too large for the workflows' sandbox and for `--help`.
 * @param amount - a decimal number of any size. @param decimals - 1 or more.
 */
export function formatUnits(amount: string, decimals: number): string {
  const digits = amount.padStart(decimals + 1, "0");
  const [whole, rest] = [digits.slice(0, -decimals), digits.slice(-decimals)];
  return `${whole}.${rest}`.replace(/\.?0+$/, "");
}
