import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Hex } from "../../../src/domain/chain.ts";
import { RpcRefusal } from "../../../src/rpc/faults.ts";
import { readRetryAfter } from "../../../src/rpc/node-observer.ts";
import { SingleTraces, singlesAsBlock } from "../../../src/rpc/single-traces.ts";
import {
  isStateMissing,
  isWholeBlockFault,
  isWholeBlockRefusal,
  WholeBlockRefused,
  withoutRateLimit,
  withoutWholeBlockRefusal,
} from "../../../src/rpc/whole-block.ts";

async function* inParts(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; start += size) {
    yield bytes.subarray(start, start + size);
  }
}

async function readAll(parts: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(Uint8Array.from(part));
  return Buffer.concat(all).toString();
}

const status = (code: number) => ({ kind: "status" as const, status: code, refusal: undefined });

describe("an answer about the block as a whole", () => {
  test.each([
    [-32_008, "Response is too big"],
    [-32_003, "response too large"],
    [-32_002, "request timed out"],
    [-32_000, "tracing failed: execution timeout"],
    [-32_000, "batch limit 100 exceeded (can increase by --rpc.batch.limit)"],
  ])("%i %s: its transactions are traced one by one", (code, message) => {
    expect(isWholeBlockRefusal(new RpcRefusal({ code, message }))).toBe(true);
  });

  test.each([
    [-32_000, "genesis is not traceable"],
    [-32_000, "block 0x12 not found"],
    [-32_000, "historical state not available in path scheme yet"],
    [-32_005, "daily request limit exceeded"],
    [-32_601, "the method does not exist"],
  ])("%i %s: they would fare no better", (code, message) => {
    expect(isWholeBlockRefusal(new RpcRefusal({ code, message }))).toBe(false);
  });

  test("a proxy that gave up before the first byte counts, one that is asked too often does not", () => {
    expect([413, 504, 524].map((code) => isWholeBlockFault(status(code)))).toEqual([
      true,
      true,
      true,
    ]);
    expect([429, 500, 503].map((code) => isWholeBlockFault(status(code)))).toEqual([
      false,
      false,
      false,
    ]);
    expect(isWholeBlockFault({ kind: "silent", reason: "no bytes" })).toBe(true);
    expect(isWholeBlockFault({ kind: "socket", reason: "closed" })).toBe(false);
  });

  test("is told from the first bytes, in any order of keys and however they are cut", async () => {
    const tooBig = '"error":{"code":-32008,"message":"Response is too big"}';
    const answers = [`{"jsonrpc":"2.0","id":1,${tooBig}}`, `{${tooBig},"id":1}`];
    for (const answer of answers) {
      for (const size of [1, 7, 1000]) {
        await expect(readAll(withoutWholeBlockRefusal(inParts(answer, size)))).rejects.toThrow(
          WholeBlockRefused,
        );
      }
    }
  });

  test("a rate limit in an answer of HTTP 200 is the node's, and no trace", async () => {
    const answer = '{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"limit exceeded"}}';
    await expect(readAll(withoutWholeBlockRefusal(inParts(answer, 1000)))).rejects.toMatchObject({
      name: "StreamFailed",
      isBegun: false,
    });
    await expect(readAll(withoutRateLimit(inParts(answer, 7)))).rejects.toThrow("status");
  });

  test("of one transaction's answer only the rate limit is the node's", async () => {
    const answer = '{"id":1,"error":{"code":-32008,"message":"Response is too big"}}';
    expect(await readAll(withoutRateLimit(inParts(answer, 7)))).toBe(answer);
  });

  test("everything else passes byte for byte", async () => {
    const answer = fc.oneof(
      fc.string({ maxLength: 3000 }),
      fc.json().map((json) => `{"jsonrpc":"2.0","id":1,"result":${json}}`),
      fc.constant('{"id":1,"error":{"code":-32000,"message":"genesis is not traceable"}}'),
    );
    await fc.assert(
      fc.asyncProperty(answer, fc.integer({ min: 1, max: 2000 }), async (text, size) => {
        expect(await readAll(withoutWholeBlockRefusal(inParts(text, size)))).toBe(
          Buffer.from(text).toString(),
        );
      }),
    );
  });
});

test.each([
  ["missing trie node 0xabc (path )", true],
  ["historical state not available in path scheme yet", true],
  ["required historical state unavailable (reexec=128)", true],
  ["Pruned history unavailable (code 4444)", true],
  ["execution timeout", false],
])("%s: is the state missing? %s", (reason, isMissing) => {
  expect(isStateMissing(reason)).toBe(isMissing);
});

describe("transactions traced one by one", () => {
  const hashes: Hex[] = ["0xaa", "0xbb"];

  test("make an answer as for the block, each item with the hash that was asked for", async () => {
    for (const size of [1, 9, 1000]) {
      const asked: unknown[] = [];
      const answer = await readAll(
        singlesAsBlock(hashes, { timeout: "9s" }, ({ method, params }) => {
          asked.push([method, ...params]);
          return inParts(` {"jsonrpc":"2.0","id":1,"result":{"gas":${asked.length}}}`, size);
        }),
      );
      expect(asked).toEqual(
        hashes.map((hash) => ["debug_traceTransaction", hash, { timeout: "9s" }]),
      );
      expect(JSON.parse(answer)).toEqual({
        jsonrpc: "2.0",
        id: 1,
        result: [
          { txHash: "0xaa", jsonrpc: "2.0", id: 1, result: { gas: 1 } },
          { txHash: "0xbb", jsonrpc: "2.0", id: 1, result: { gas: 2 } },
        ],
      });
    }
  });

  test("of a block without any, and of one whose answer is empty, are JSON too", async () => {
    expect(JSON.parse(await readAll(singlesAsBlock([], {}, () => inParts("", 1))))).toMatchObject({
      result: [],
    });
    const empty = await readAll(singlesAsBlock(hashes, {}, () => inParts("", 1)));
    expect(JSON.parse(empty)).toMatchObject({ result: [null, null] });
  });

  test("are remembered for blocks of that size and above, for a while", () => {
    const singles = new SingleTraces();
    singles.learn("block", 5_000_000, 0);
    expect(singles.isNeeded("other", 5_000_000, 1)).toBe(true);
    expect(singles.isNeeded("other", 4_999_999, 1)).toBe(false);
    expect(singles.isNeeded("block", 1, 1)).toBe(true);
    singles.learn("larger", 9_000_000, 1);
    expect(singles.fromGas(2)).toBe(5_000_000);
    const later = 11 * 60_000;
    expect(singles.fromGas(later)).toBeNull();
    expect(singles.isNeeded("block", 9_000_000, later)).toBe(false);
  });
});

test("Retry-After is read in seconds and as a date, never for longer than ten minutes; 0 says nothing", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  expect(readRetryAfter("2", now)).toBe(2000);
  expect(readRetryAfter("Thu, 01 Jan 2026 00:00:30 GMT", now)).toBe(30_000);
  expect(readRetryAfter("86400", now)).toBe(600_000);
  const nothing = ["", undefined, "soon", "0", "-3", "Wed, 31 Dec 2025 23:59:59 GMT"];
  expect(nothing.flatMap((header) => readRetryAfter(header, now) ?? [])).toEqual([]);
});
