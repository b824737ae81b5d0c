import { expect, test } from "vitest";
import { redact } from "../../../src/domain/redact.ts";

test.each([
  ["failed: https://user:pw@host.example/v2/KEY?x=1, code 5", "failed: [url] code 5"],
  ["URL: http://localhost:8545\nRequest body: {}", "URL: [url]\nRequest body: {}"],
  ['"ws://host/token" refused', '"[url]" refused'],
  ["Authorization: Bearer abc.def-123", "Authorization: Bearer [redacted]"],
  ["nothing to hide: 0xabc", "nothing to hide: 0xabc"],
])("%s", (text, expected) => {
  expect(redact(text)).toBe(expected);
});
