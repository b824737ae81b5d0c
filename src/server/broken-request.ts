import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { problemType, toDocument } from "./problem.ts";

/** What Node's parser says of bytes that are no request, or come too slowly. */
const statuses: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Answers on the bare socket where there is no request to answer. */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return;
  const status = statuses[error.code ?? ""] ?? 400;
  const problem = {
    kind: "bad-request",
    status,
    title: "The request cannot be read.",
    fix: "send HTTP/1.1; /api/docs lists what there is.",
  };
  const body = JSON.stringify(toDocument(problem, "none"));
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      `Content-Type: ${problemType}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      "Connection: close",
      "",
      body,
    ].join("\r\n"),
  );
}
