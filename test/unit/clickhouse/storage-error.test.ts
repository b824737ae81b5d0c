import { ClickHouseError } from "@clickhouse/client";
import { expect, test } from "vitest";
import { toStorageError } from "../../../src/clickhouse/storage-error.ts";
import {
  DiskFullError,
  StorageRefusedError,
  StorageUnavailableError,
} from "../../../src/errors.ts";

const refused = (code: string, type: string, message: string) =>
  new ClickHouseError({ code, type, message });

test.each([
  [new Error("connect ECONNREFUSED 127.0.0.1:8123"), StorageUnavailableError],
  [new Error("Timeout error."), StorageUnavailableError],
  [refused("241", "MEMORY_LIMIT_EXCEEDED", "too much"), StorageUnavailableError],
  [refused("252", "TOO_MANY_PARTS", "merges are behind"), StorageUnavailableError],
  [refused("243", "NOT_ENOUGH_SPACE", "Cannot reserve 1.00 MiB"), DiskFullError],
  [
    refused("75", "CANNOT_WRITE_TO_FILE_DESCRIPTOR", "errno: 28, No space left on device"),
    DiskFullError,
  ],
  [refused("60", "UNKNOWN_TABLE", "no such table"), StorageRefusedError],
])("turns %s into an error of ours", (error, kind) => {
  expect(toStorageError(error)).toBeInstanceOf(kind);
});

test("never repeats the credentials of a URL", () => {
  const error = toStorageError(
    new Error("request to http://person:hunter2@db:8123/?user=person&password=hunter2&x=1 failed"),
  );
  expect(error.message).toContain("http://db:8123/?user=person&password=***&x=1");
  expect(JSON.stringify(error) + error.message).not.toContain("hunter2");
});

test("lets an error of ours pass as it is", () => {
  const error = new StorageUnavailableError({ reason: "no answer" });
  expect(toStorageError(error)).toBe(error);
});
