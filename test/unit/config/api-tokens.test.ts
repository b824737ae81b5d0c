import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isLoopback, readApiTokens } from "../../../src/config/api-tokens.ts";

const hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const loopback = { address: "127.0.0.1:8300", tokens: [], tokensFile: null };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "blockloom-tokens-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error("nothing was thrown");
}

describe("tokens of the API", () => {
  test("come from the configuration and from the file, with comments and empty lines", () => {
    const tokensFile = join(folder, "tokens");
    writeFileSync(tokensFile, `# who may what\n\ngrafana:read:${hash} # reads\n`);
    const tokens = readApiTokens({ ...loopback, tokens: [`ops:read+queue:${hash}`], tokensFile });
    expect(tokens).toEqual([
      { name: "ops", scopes: ["read", "queue"], sha256: Buffer.from(hash, "hex") },
      { name: "grafana", scopes: ["read"], sha256: Buffer.from(hash, "hex") },
    ]);
  });

  test("that cannot be used are all named by their place, and never repeated", () => {
    const tokens = ["s3cret-token", `a:write:${hash}`, `a:read+read:${hash}`, "b:read:abc"];
    const message = messageOf(() => readApiTokens({ ...loopback, tokens }));
    expect(message).toMatchInlineSnapshot(`
      "The tokens of the API cannot be used.
        API_TOKENS, entry 1: is not name:scopes:hash
        API_TOKENS, entry 2: scopes are read, queue, stake, codec, each once, with + between them
        API_TOKENS, entry 3: scopes are read, queue, stake, codec, each once, with + between them
        API_TOKENS, entry 4: is not name:scopes:hash
        Fix: write name:scopes:hash, such as ops:read+queue:<64 hex digits>; docs/api.md makes one."
    `);
    expect(message).not.toContain("s3cret");
  });

  test("have a name each, because it stands in the ledger", () => {
    const tokens = [`ops:read:${hash}`, `ops:queue:${hash}`];
    expect(messageOf(() => readApiTokens({ ...loopback, tokens }))).toContain(
      "API_TOKENS, entry 2: its name is taken already",
    );
  });

  test("in a file that is not there are told so", () => {
    expect(messageOf(() => readApiTokens({ ...loopback, tokensFile: "/nonexistent" }))).toContain(
      "API_TOKENS_FILE: /nonexistent",
    );
  });

  test.each(["0.0.0.0:8300", "10.0.0.1:80", "[::]:8300"])(
    "are needed to listen on %s",
    (address) => {
      expect(messageOf(() => readApiTokens({ ...loopback, address }))).toContain(
        "The API would listen to everybody, and no token is set.",
      );
      expect(readApiTokens({ ...loopback, address, tokens: [`ops:read:${hash}`] })).toHaveLength(1);
    },
  );

  test.each([
    ["127.0.0.1:1", true],
    ["127.1.2.3:1", true],
    ["[::1]:1", true],
    ["128.0.0.1:1", false],
    ["0.0.0.0:1", false],
    ["[::]:1", false],
    ["[::10]:1", false],
  ])("%s is loopback: %s", (address, expected) => {
    expect(isLoopback(address)).toBe(expected);
  });
});
