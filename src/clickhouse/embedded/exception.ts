/** An error as ClickHouse's HTTP interface gives it: `Code: N. DB::Exception: ... (TYPE)`. */
export type ServerException = { readonly code: string; readonly text: string };

/** Codes of errors that the front itself raises; numbers and names are ClickHouse's. */
const own = {
  badArguments: { code: 36, type: "BAD_ARGUMENTS" },
  unknownSetting: { code: 115, type: "UNKNOWN_SETTING" },
  sessionLocked: { code: 373, type: "SESSION_IS_LOCKED" },
  notEnoughSpace: { code: 243, type: "NOT_ENOUGH_SPACE" },
  cancelled: { code: 394, type: "QUERY_WAS_CANCELLED" },
} as const;

/** An error of the front in the words of ClickHouse. */
export class FrontError extends Error {
  readonly exception: ServerException;
  constructor(kind: keyof typeof own, message: string) {
    const { code, type } = own[kind];
    super(message);
    this.exception = {
      code: String(code),
      text: `Code: ${code}. DB::Exception: ${message}. (${type})`,
    };
  }
}

/** Any error as an exception of the server; one without a code becomes 1002 (UNKNOWN_EXCEPTION in the client). */
export function toServerException(error: unknown): ServerException {
  if (error instanceof FrontError) return error.exception;
  if (isNoSpace(error)) {
    return new FrontError("notEnoughSpace", "No space left on device for a request body").exception;
  }
  const message = error instanceof Error ? error.message : String(error);
  const start = message.search(/Code: \d+\. DB::/);
  const code = /Code: (\d+)\./.exec(message)?.[1];
  if (code !== undefined) return { code, text: message.slice(Math.max(start, 0)) };
  return { code: "1002", text: `Code: 1002. DB::Exception: ${message}. (UNKNOWN_EXCEPTION)` };
}

function isNoSpace(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    (error.code === "ENOSPC" || error.code === "EDQUOT")
  );
}

/** The frame that ends a stream whose status line was sent already (ClickHouse since 25.11). */
export function exceptionFrame(tag: string, { text }: ServerException): Buffer {
  const message = `${text}\n`;
  return Buffer.from(
    `\r\n__exception__\r\n${tag}\r\n${message}${Buffer.byteLength(message)} ${tag}\r\n__exception__\r\n`,
  );
}
