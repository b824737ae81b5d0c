import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Writable } from "node:stream";
import { constants, createGzip, type Gzip } from "node:zlib";
import { exceptionFrame, toServerException } from "./exception.ts";

/** What an insert or a command did; the client reads it from a header. */
export type Summary = { readonly rowsWritten: number; readonly bytesWritten: number };

/** One answer: either rows, or a summary, or an exception, which may still come after rows. */
export type Answer = {
  /** Sends the status line before the first bytes; waits while the client is slower than the engine. */
  write(bytes: Uint8Array): Promise<void>;
  end(summary?: Summary): Promise<void>;
  fail(error: unknown): Promise<void>;
};

export function createAnswer(
  response: ServerResponse,
  options: { queryId: string; acceptsGzip: boolean },
): Answer {
  const tag = randomBytes(8).toString("hex");
  let body: Writable | null = null;

  function start(extraHeaders: Record<string, string> = {}): Writable {
    response.writeHead(200, {
      "Content-Type": "text/plain; charset=UTF-8",
      "X-ClickHouse-Query-Id": options.queryId,
      "X-ClickHouse-Exception-Tag": tag,
      ...(options.acceptsGzip ? { "Content-Encoding": "gzip" } : {}),
      ...extraHeaders,
    });
    if (!options.acceptsGzip) return response;
    const gzip: Gzip = createGzip({ level: 1, flush: constants.Z_SYNC_FLUSH });
    gzip.pipe(response);
    return gzip;
  }

  async function send(bytes: Uint8Array): Promise<void> {
    body ??= start();
    if (body.write(bytes) || response.destroyed) return;
    await Promise.race([once(body, "drain"), once(response, "close")]);
  }

  async function finish(stream: Writable): Promise<void> {
    stream.end();
    if (!response.writableFinished && !response.destroyed) {
      await Promise.race([once(response, "finish"), once(response, "close")]);
    }
  }

  return {
    write: send,
    end: (summary) => finish(body ?? start(summary ? summaryHeader(summary) : {})),
    async fail(error) {
      if (response.destroyed) return;
      const exception = toServerException(error);
      if (body) {
        await send(exceptionFrame(tag, exception));
        await finish(body);
        return;
      }
      response.writeHead(500, {
        "Content-Type": "text/plain; charset=UTF-8",
        "X-ClickHouse-Exception-Code": exception.code,
        "X-ClickHouse-Query-Id": options.queryId,
      });
      response.write(`${exception.text}\n`);
      await finish(response);
    },
  };
}

function summaryHeader({ rowsWritten, bytesWritten }: Summary): Record<string, string> {
  const summary = {
    read_rows: String(rowsWritten),
    read_bytes: String(bytesWritten),
    written_rows: String(rowsWritten),
    written_bytes: String(bytesWritten),
    total_rows_to_read: "0",
    result_rows: "0",
    result_bytes: "0",
    elapsed_ns: "0",
  };
  return { "X-ClickHouse-Summary": JSON.stringify(summary) };
}
