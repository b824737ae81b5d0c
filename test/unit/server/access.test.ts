import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createAuthenticator } from "../../../src/server/access.ts";
import { parseBlockItems, parsePathNumber } from "../../../src/server/block-list.ts";
import { refuseForeignPages } from "../../../src/server/local-only.ts";
import { Problem } from "../../../src/server/problem.ts";

const hashOf = (text: string) => createHash("sha256").update(text).digest("hex");
const token = "3f1c-a-random-token";
const tokens = [
  { name: "other", scopes: ["queue"] as const, sha256: Buffer.from(hashOf("other"), "hex") },
  { name: "ops", scopes: ["read"] as const, sha256: Buffer.from(hashOf(token), "hex") },
];

describe("a token", () => {
  test("is known by its hash, whatever the case of the scheme", () => {
    const authenticate = createAuthenticator(tokens);
    expect(authenticate(`Bearer ${token}`)).toEqual({
      kind: "token",
      name: "ops",
      scopes: ["read"],
    });
    expect(authenticate(`bearer  ${token} `)).toMatchObject({ name: "ops" });
  });

  test.each([
    undefined,
    "",
    "Bearer",
    "Bearer ",
    `Basic ${token}`,
    token,
    `Bearer ${token}x`,
    `Bearer ${hashOf(token)}`,
    `Bearer ${token} ${token}`,
  ])("%s is unknown", (header) => {
    expect(createAuthenticator(tokens)(header)).toEqual({ kind: "unknown" });
  });
});

const kindOf = (headers: Record<string, string>): string => {
  try {
    refuseForeignPages(headers);
    return "taken";
  } catch (error) {
    return error instanceof Problem ? error.options.kind : String(error);
  }
};

describe("without tokens, the API", () => {
  test.each([
    [{ host: "127.0.0.1:8300" }, "taken"],
    [{ host: "localhost" }, "taken"],
    [{ host: "LOCALHOST:9999" }, "taken"],
    [{ host: "[::1]:8300" }, "taken"],
    [{}, "foreign-host"],
    [{ host: "evil.example:8300" }, "foreign-host"],
    [{ host: "localhost.evil.example" }, "foreign-host"],
    [{ host: "127.0.0.1.evil.example:8300" }, "foreign-host"],
    [{ host: "evil.example@127.0.0.1" }, "foreign-host"],
    [{ host: "127.0.0.1:8300", origin: "http://127.0.0.1:8300" }, "taken"],
    [{ host: "127.0.0.1:8300", origin: "http://127.0.0.1:3000" }, "foreign-origin"],
    [{ host: "127.0.0.1:8300", origin: "https://evil.example" }, "foreign-origin"],
    [{ host: "127.0.0.1:8300", origin: "null" }, "foreign-origin"],
    [{ host: "127.0.0.1:8300", "sec-fetch-site": "cross-site" }, "foreign-origin"],
    [{ host: "127.0.0.1:8300", "sec-fetch-site": "none" }, "taken"],
  ])("takes %j: %s", (headers, expected) => {
    expect(kindOf(headers)).toBe(expected);
  });
});

describe("the blocks of a request", () => {
  test("of a path are decimals of 64 bits and nothing else", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 65n }), (value) => {
        const { kind } = parsePathNumber(String(value));
        const expected =
          value > 2n ** 64n - 1n
            ? "invalid"
            : value > BigInt(Number.MAX_SAFE_INTEGER)
              ? "beyond"
              : "block";
        expect(kind).toBe(expected);
      }),
    );
    for (const text of ["", "-1", "+1", "1e3", "0x10", " 1", "1 ", "１", "1".repeat(21)]) {
      expect(parsePathNumber(text), text).toEqual({ kind: "invalid" });
    }
  });

  test("of a list are each there once, in the order of their naming, or the list is refused", () => {
    const item = fc.oneof(
      fc.nat(3000),
      fc.tuple(fc.nat(3000), fc.nat(400)).map(([from, more]) => `${from}-${from + more}`),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(item, { maxLength: 20 }), (items) => {
        try {
          const blocks = parseBlockItems(items, "structlog");
          expect(new Set(blocks).size).toBe(blocks.length);
          expect(blocks.length).toBeGreaterThan(0);
          expect(blocks.length).toBeLessThanOrEqual(1000);
          expect(blocks.every((block) => Number.isSafeInteger(block) && block >= 0)).toBe(true);
        } catch (error) {
          if (!(error instanceof Problem)) throw error;
          expect([400, 413]).toContain(error.options.status);
        }
      }),
    );
  });

  test("a range without end costs no time", () => {
    expect(() => parseBlockItems(["0-9007199254740991"], "structlog")).toThrow(Problem);
  });
});
