import { randomUUID } from "node:crypto";
import { open, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import type { Readable, Transform } from "node:stream";
import { finished } from "node:stream/promises";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import type { Scope } from "./engine.ts";
import { FrontError } from "./exception.ts";

/** One call of the HTTP interface, taken apart. */
export type FrontRequest = Scope & {
  readonly queryId: string;
  readonly sessionId: string | null;
  readonly defaultFormat: string;
  readonly acceptsGzip: boolean;
  /** `?query=`; null when the body is the statement. */
  readonly urlQuery: string | null;
  /** Values in the engine's own escaped form, passed on as they are. */
  readonly parameters: Readonly<Record<string, string>>;
};

/** Query parameters that are no settings. */
const reserved = new Set(
  "query database query_id session_id session_timeout session_check close_session role default_format user password quota_key compress decompress stacktrace".split(
    " ",
  ),
);
/** Settings of ClickHouse's HTTP layer, which the engine does not know. */
const httpOnly = new Set(
  "wait_end_of_query buffer_size send_progress_in_http_headers http_response_buffer_size http_headers_progress_interval_ms http_send_progress_interval_ms enable_http_compression http_zlib_compression_level http_response_compression_method http_native_compression_disable_checksumming_on_decompress http_write_exception_in_output_format".split(
    " ",
  ),
);

export function readRequest(request: IncomingMessage): FrontRequest {
  const url = new URLSearchParams((request.url ?? "").split("?").slice(1).join("?"));
  const settings = new Map<string, string>();
  for (const [name, value] of url) {
    if (!reserved.has(name) && !httpOnly.has(name) && !name.startsWith("param_")) {
      settings.set(name, value);
    }
  }
  return {
    queryId: url.get("query_id") ?? randomUUID(),
    sessionId: url.get("session_id"),
    database: url.get("database"),
    roles: url.getAll("role"),
    settings,
    defaultFormat: url.get("default_format") ?? "TabSeparated",
    acceptsGzip:
      url.get("enable_http_compression") === "1" &&
      /\bgzip\b/.test(request.headers["accept-encoding"] ?? ""),
    urlQuery: url.get("query"),
    parameters: parametersOf(url),
  };
}

function parametersOf(entries: Iterable<readonly [string, string]>): Record<string, string> {
  return Object.fromEntries(
    [...entries]
      .filter(([name]) => name.startsWith("param_"))
      .map(([name, value]) => [name.slice("param_".length), value]),
  );
}

/** The whole body as text; a multipart body gives its `query` and `param_*` parts. */
export async function readStatement(
  request: IncomingMessage,
): Promise<{ sql: string; parameters: Record<string, string> }> {
  const chunks: Buffer[] = [];
  for await (const chunk of byteChunks(decoded(request))) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString("utf8");
  const boundary = /^multipart\/form-data;.*boundary="?([^";]+)/i.exec(
    request.headers["content-type"] ?? "",
  )?.[1];
  if (boundary === undefined) return { sql: body, parameters: {} };
  const parts = body.split(`--${boundary}`).flatMap((part): [string, string][] => {
    const name = /name="([^"]*)"/.exec(part)?.[1];
    const start = part.indexOf("\r\n\r\n");
    return name === undefined || start < 0 ? [] : [[name, part.slice(start + 4, -2)]];
  });
  return { sql: new Map(parts).get("query") ?? "", parameters: parametersOf(parts) };
}

/**
 * Writes data to a new file of the folder, byte by byte as it comes; the caller removes it.
 * A failure leaves no file, and reads the request to its end: its sender must get an answer, not a reset.
 */
export async function spoolBody(
  source: IncomingMessage | string,
  folder: string,
): Promise<{ path: string; bytes: number }> {
  const path = join(folder, `${randomUUID()}.body`);
  try {
    const bytes = await writeChunks(path, typeof source === "string" ? [source] : decoded(source));
    return { path, bytes };
  } catch (error) {
    await rm(path, { force: true });
    if (typeof source !== "string") await drain(source);
    throw error;
  }
}

/** Bytes that one write takes together: a thread's turn for each chunk of a socket costs more than the copy. */
const writeBytes = 1 << 20;

async function writeChunks(path: string, source: Readable | string[]): Promise<number> {
  const file = await open(path, "wx", 0o600);
  const chunks = Array.isArray(source) ? source : byteChunks(source);
  let bytes = 0;
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  const write = async () => {
    await file.writeFile(waiting.length === 1 && waiting[0] ? waiting[0] : Buffer.concat(waiting));
    waiting = [];
    waitingBytes = 0;
  };
  try {
    for await (const chunk of chunks) {
      const buffer = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
      waiting.push(buffer);
      waitingBytes += buffer.length;
      bytes += buffer.length;
      if (waitingBytes >= writeBytes) await write();
    }
    if (waitingBytes > 0) await write();
  } finally {
    await file.close();
  }
  return bytes;
}

/** The chunks of a stream, which stays open when the reader stops early. */
function byteChunks(source: Readable): AsyncIterable<Buffer> {
  return source.iterator({ destroyOnReturn: false });
}

async function drain(request: IncomingMessage): Promise<void> {
  request.unpipe();
  request.resume();
  if (!request.readableEnded && !request.destroyed) await finished(request).catch(() => undefined);
}

function decoded(request: IncomingMessage): Readable {
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding === "identity") return request;
  const decoders: Record<string, () => Transform> = {
    gzip: createGunzip,
    deflate: createInflate,
    br: createBrotliDecompress,
  };
  const decoder = decoders[encoding]?.();
  if (!decoder) throw new FrontError("badArguments", `Unknown Content-Encoding '${encoding}'`);
  request.once("error", (error) => decoder.destroy(error));
  return request.pipe(decoder);
}
