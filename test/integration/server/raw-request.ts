import { once } from "node:events";
import { connect } from "node:net";

/** What came back on the socket; null: it was closed without an answer. */
export type RawAnswer = {
  readonly status: number | null;
  readonly head: string;
  readonly body: string;
};

/**
 * Sends bytes as they are and reads until the server closes.
 * @param isCut - ends our side after them, as a client that dies in the middle of a request does.
 */
export async function sendRaw(
  address: string,
  bytes: string | Uint8Array,
  { isCut = false } = {},
): Promise<RawAnswer> {
  const [host = "", port = ""] = address.split(":");
  const socket = connect({ host, port: Number(port), allowHalfOpen: true });
  const parts: Buffer[] = [];
  socket.on("data", (part: Buffer) => parts.push(part));
  socket.on("error", () => {});
  socket.on("end", () => socket.end());
  const closed = once(socket, "close");
  socket.write(bytes);
  if (isCut) socket.end();
  await closed;
  const text = Buffer.concat(parts).toString();
  const [head = "", ...rest] = text.split("\r\n\r\n");
  const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(head) ?? [];
  return {
    status: status === undefined ? null : Number(status),
    head,
    body: rest.join("\r\n\r\n"),
  };
}

/** A request in HTTP/1.1 whose parts may hold anything; the connection is closed after its answer. */
export function toBytes(request: {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}): Buffer {
  const { method, path, headers, body } = request;
  const length = Buffer.byteLength(body);
  const all = {
    host: "127.0.0.1",
    connection: "close",
    ...(length > 0 ? { "content-length": String(length) } : {}),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return Buffer.from([`${method} ${path} HTTP/1.1`, ...lines, "", body].join("\r\n"));
}
