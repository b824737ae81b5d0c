import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonLexer } from "../../../src/trace/json-lexer.ts";
import { KEY, NEED_MORE, OBJECT_START } from "../../../src/trace/json-tokens.ts";
import { StackWords } from "../../../src/trace/stack-words.ts";
import { TraceRejected } from "../../../src/trace/trace-rejected.ts";

type Read = { readonly words: readonly string[] };

/** Reads `{"s":[..],"s":[..],..}` in chunks that end at `cuts`; `makeWords` is asked before each array. */
function readStacks(bytes: Uint8Array, cuts: readonly number[], makeWords: () => StackWords) {
  const lexer = new JsonLexer();
  const read: Read[] = [];
  let words: StackWords | null = null;
  const ends = [...new Set(cuts.map((cut) => cut % bytes.length))].toSorted((a, b) => a - b);
  try {
    for (const [at, end] of [...ends, bytes.length].entries()) {
      lexer.feed(bytes.slice(at === 0 ? 0 : ends[at - 1], end));
      for (;;) {
        if (words === null) {
          const token = lexer.next();
          if (token === NEED_MORE) break;
          if (token === KEY) words = makeWords();
          else if (token !== OBJECT_START) return { read, end: token };
        } else {
          if (!words.read(lexer)) break;
          read.push({ words: textOf(words, lexer) });
          words = null;
        }
      }
    }
  } catch (error) {
    if (!(error instanceof TraceRejected)) throw error;
    return { read, end: error.message };
  }
  return { read, end: "more bytes are needed" };
}

function textOf(words: StackWords, { bytes }: JsonLexer): string[] {
  const buffer = Buffer.from(bytes);
  return Array.from({ length: words.count }, (_, index) => {
    const below = words.count - 1 - index;
    return buffer.toString("latin1", words.start(below), words.stop(below));
  });
}

/** One reader for all arrays, which passes over what it read before. */
function inOne(bytes: Uint8Array, cuts: readonly number[] = []) {
  const words = new StackWords();
  return readStacks(bytes, cuts, () => words);
}

/** A reader for each array: every byte is read. */
const oneByOne = (bytes: Uint8Array) => readStacks(bytes, [], () => new StackWords());

const word = fc.oneof(
  fc.nat(3).map((value) => `0x${value.toString(16)}`),
  fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }).map((value) => `0x${value.toString(16)}`),
  fc.constantFrom(`0x${"ab".repeat(20)}`, "0".repeat(64), ""),
);
/** What a step does to the stack before it: pops some words and pushes others, or swaps two at any depth. */
const change = fc.record({
  pops: fc.nat(4),
  pushes: fc.array(word, { maxLength: 3 }),
  swap: fc.option(fc.nat(16)),
});
const stacks = fc
  .tuple(fc.array(word, { maxLength: 20 }), fc.array(change, { minLength: 1, maxLength: 12 }))
  .map(([first, changes]) => {
    const all = [first];
    for (const { pops, pushes, swap } of changes) {
      const last = all.at(-1) ?? [];
      const next = [...last.slice(0, Math.max(0, last.length - pops)), ...pushes];
      const below = next.length - 1 - (swap ?? 0);
      const [top, other] = [next.at(-1), next[below]];
      if (swap !== null && top !== undefined && other !== undefined) {
        next[below] = top;
        next[next.length - 1] = other;
      }
      all.push(next);
    }
    return all;
  });
const cuts = fc.array(fc.nat(100_000), { maxLength: 6 });

const render = (all: readonly (readonly string[])[], space = "") =>
  Buffer.from(
    `{${all.map((stack) => `"s":[${space}${stack.map((one) => `"${one}"`).join(`,${space}`)}]`).join(",")}}`,
  );

describe("stack words", () => {
  it("are those of the answer, whatever they have in common with the words before, and wherever chunks end", () => {
    fc.assert(
      fc.property(stacks, cuts, fc.constantFrom("", " ", "\n  "), (all, places, space) => {
        const { read } = inOne(render(all, space), places);
        expect(read.map(({ words }) => words)).toEqual(all);
      }),
      { numRuns: 500 },
    );
  });

  it("with any bytes changed are refused or read as if no word had been passed over", () => {
    const byte = fc.oneof(
      fc.constantFrom(...Buffer.from('"[],{}: 0x1')),
      fc.integer({ min: 0, max: 255 }),
    );
    const edit = fc.record({ at: fc.nat(100_000), byte, remove: fc.nat(2) });
    fc.assert(
      fc.property(stacks, fc.array(edit, { minLength: 1, maxLength: 3 }), (all, edits) => {
        let bytes: Uint8Array = render(all);
        for (const { at, byte: inserted, remove } of edits) {
          const place = at % bytes.length;
          bytes = Buffer.concat([
            bytes.subarray(0, place),
            Uint8Array.of(inserted),
            bytes.subarray(place + remove),
          ]);
        }
        expect(inOne(bytes)).toEqual(oneByOne(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  it("are counted one by one where a word below became two of the same length together", () => {
    const before = ["0x123456789abc", "0x1", "0x2"];
    const after = ["0x12345", "0x9c", "0x1", "0x2"];
    const { read } = inOne(render([before, after]));
    expect(render([before]).length).toBe(render([after]).length);
    expect(read.map(({ words }) => words.length)).toEqual([3, 4]);
  });

  it("do not reach into the next stack where this one is shorter than the one before", () => {
    const all = [["0x1", "0x2", "0x3", "0x4"], ["0x1"], ["0x2", "0x3", "0x4"]];
    expect(inOne(render(all)).read.map(({ words }) => words)).toEqual(all);
  });

  it("are at most as many as the EVM's stack holds", () => {
    const most = Array.from({ length: 1024 }, () => "0x0");
    expect(inOne(render([most, most])).read).toHaveLength(2);
    expect(inOne(render([most, [...most, "0x0"]])).end).toContain("more than 1024 words");
  });
});
