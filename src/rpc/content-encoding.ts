import type { IncomingMessage } from "node:http";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";

export const acceptGzip = { "accept-encoding": "gzip" };

/** Larger than zlib's own 16 KB: each chunk is a turn of the thread pool. */
const chunkBytes = 64 * 1024;

/** A body in an encoding that nobody asked for. */
class UnknownEncoding extends Error {
  override readonly name = "UnknownEncoding";
}

export function isCompressed(response: IncomingMessage): boolean {
  return encodingOf(response) !== "identity";
}

/**
 * The body of a response, decoded as it comes; what waits for its reader waits at the node. A body that breaks off or
 * is not what its header says ends in an error, after what could be decoded. Some proxies compress unasked.
 */
export function decoded(response: IncomingMessage): Readable {
  const encoding = encodingOf(response);
  if (encoding === "identity") return response;
  const gunzip = createGunzip({ chunkSize: chunkBytes });
  if (encoding === "gzip" || encoding === "x-gzip") {
    // Whoever reads is told of errors by the decoder itself.
    pipeline(response, gunzip, () => {});
  } else {
    gunzip.destroy(new UnknownEncoding(`content-encoding ${encoding.slice(0, 40)}`));
  }
  return gunzip;
}

/** Why a body could not be decoded, in words of ours; null where it failed by something else. */
export function undecodableReason(error: unknown): string | null {
  if (error instanceof UnknownEncoding) return error.message;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return code.startsWith("Z_") ? `the gzip body is broken (${code})` : null;
}

function encodingOf({ headers }: IncomingMessage): string {
  return (headers["content-encoding"] ?? "identity").trim().toLowerCase();
}
