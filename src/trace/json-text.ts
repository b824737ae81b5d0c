import { malformed } from "./trace-rejected.ts";

const BACKSLASH = 92;
const LETTER_U = 117;

/** The text of UTF-8 bytes. */
export function decodeUtf8(bytes: Uint8Array, start: number, stop: number): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString("utf8", start, stop);
}

/** The text that a JSON string's escapes write. @throws {TraceRejected} trace_malformed on one that JSON has not. */
export function unescape(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|([^]))/g, (_, code?: string, simple?: string) => {
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
    const plain = simpleEscapes[simple ?? ""];
    if (plain === undefined) throw malformed("json", "an unknown escape stands in a string");
    return plain;
  });
}

/** Where the text from `from` to `end` stops, but for an escape that `end` cuts. */
export function wholeEscapesEnd(bytes: Uint8Array, from: number, end: number): number {
  for (let i = from; i < end; i++) {
    if (bytes[i] !== BACKSLASH) continue;
    const length = bytes[i + 1] === LETTER_U ? 6 : 2;
    if (i + length > end) return i;
    i += length - 1;
  }
  return end;
}

/** Whether a byte is a space of JSON. */
export function isSpace(c: number): boolean {
  return c === 32 || c === 10 || c === 13 || c === 9;
}

/** Whether a byte may stand in a number of JSON. */
export function isNumberByte(c: number): boolean {
  return (c >= 48 && c <= 57) || c === 46 || c === 45 || c === 43 || c === 101 || c === 69;
}

const simpleEscapes: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};
