import { expect, test } from "vitest";
import { nonceWords } from "../../../../src/domain/staking/nonce-words.ts";

test.each([
  [[7], "nonce 7"],
  [[3, 4], "nonce 3, 4"],
  [[3, 3, 4, 3], "nonce 3, 4"],
  [[1, 2, 3, 4, 5], "nonce 1, 2, 3, 4, 5"],
  [[1, 2, 3, 4, 5, 6, 7], "nonce 1, 2, 3, 4, 5 and 2 more"],
])("%j is told as %s", (nonces, expected) => {
  expect(nonceWords(nonces)).toBe(expected);
});

test("however many they are, the words stay short enough for a summary in Temporal", () => {
  const many = Array.from({ length: 1000 }, (_, index) => Number.MAX_SAFE_INTEGER - index);
  expect(nonceWords(many).length).toBeLessThan(200);
});
