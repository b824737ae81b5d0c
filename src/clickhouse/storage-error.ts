import { ClickHouseError } from "@clickhouse/client";
import {
  AppError,
  DiskFullError,
  StorageRefusedError,
  StorageUnavailableError,
} from "../errors.ts";

/** Codes of ClickHouse that mean "not now": timeouts, memory, too many queries, shutting down, no connection. */
const unavailableCodes = new Set(["159", "202", "209", "210", "236", "241", "252", "394", "425"]);
const noSpaceCodes = new Set(["243"]);

/** Turns what the client library throws into an error of ours; errors of ours pass. */
export function toStorageError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const message = withoutCredentials(error instanceof Error ? error.message : String(error));
  const { code, type } = serverCode(error);
  if (noSpaceCodes.has(code) || /No space left on device/i.test(message)) {
    return new DiskFullError({ where: `ClickHouse says: ${firstLine(message)}` });
  }
  if (type === "" || unavailableCodes.has(code)) {
    return new StorageUnavailableError({ reason: firstLine(message) || code || "no answer" });
  }
  return new StorageRefusedError({ code, type, message: firstLine(message) });
}

/** Whether an insert may or may not have arrived, so that sending it again under its token is right. */
export function isConnectionLost(error: unknown): boolean {
  return error instanceof StorageUnavailableError;
}

/** Code and type of an error of the server; both empty for errors of the connection. */
function serverCode(error: unknown): { code: string; type: string } {
  return error instanceof ClickHouseError
    ? { code: error.code, type: error.type ?? "" }
    : { code: "", type: "" };
}

/** Drops `user:password@` of URLs, and values of the client's password parameter. */
function withoutCredentials(text: string): string {
  return text.replace(/\/\/[^/@\s]*@/g, "//").replace(/(password=)[^&\s]*/gi, "$1***");
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]?.slice(0, 500) ?? "";
}
