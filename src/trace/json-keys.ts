import type { JsonLexer } from "./json-lexer.ts";

/**
 * Finds which of a few known keys the lexer stands on: by first character and length, then byte by byte,
 * so that an unknown key never overwrites a known one. Gives the key's position in `keys` + 1, or 0.
 */
export function keyMatcher(keys: readonly string[]): (lexer: JsonLexer) => number {
  const slots = new Map<number, number>();
  const bytes = keys.map((key) => Buffer.from(key));
  for (const [index, key] of keys.entries()) {
    const slot = slotOf(key.charCodeAt(0), key.length);
    if (slots.has(slot))
      throw new RangeError(`the key ${key} is not told by first letter and length`);
    slots.set(slot, index);
  }
  const table = new Int16Array(SLOTS).fill(-1);
  for (const [slot, index] of slots) table[slot] = index;
  return (lexer) => {
    const { start, stop } = lexer;
    const length = stop - start;
    if (length === 0 || length > MAXIMUM_LENGTH) return 0;
    const index = table[slotOf(lexer.source[start]!, length)]!;
    if (index < 0) return 0;
    const key = bytes[index]!;
    for (let i = 0; i < length; i++) if (lexer.source[start + i] !== key[i]) return 0;
    return index + 1;
  };
}

const MAXIMUM_LENGTH = 31;
const SLOTS = 256 * 32;
function slotOf(first: number, length: number): number {
  return (first << 5) | length;
}
