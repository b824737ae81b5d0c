import { DefaultLogger, type LogEntry, type Logger } from "@temporalio/worker";
import pino, { type DestinationStream, type Logger as PinoLogger } from "pino";
import pretty from "pino-pretty";
import type { LoggingConfig } from "../config/load-config.ts";
import { redact } from "../domain/redact.ts";

const secretKeys = [
  "url",
  "headers",
  "authorization",
  "password",
  "token",
  "apiKey",
  "privateKey",
  "mnemonic",
  "signature",
];

/** Fields of the SDK's that are long, or the same on every line. */
const silentKeys: ReadonlySet<string> = new Set([
  "sdkComponent",
  "isLocal",
  "namespace",
  "taskToken",
  "options",
]);
/** Fields that only machines follow. */
const hiddenFromPeople = ["pid", "hostname", "taskQueue", "activityId", "workflowRunId"];
/** The SDK warns of what is meant so: the workers of block queues run activities only. */
const expectedWarning = "No workflows registered";

const nanosPerMilli = 1_000_000n;

/**
 * Creates the process's logger: the SDK's logger in front, so that activities, workflows and the SDK's core share it,
 * and pino behind. One line an entry; nothing secret.
 * @param destination - Where lines go; default stdout.
 */
export function createLogger(
  { level, format }: LoggingConfig,
  destination: DestinationStream = pino.destination({ dest: 1, sync: true }),
): Logger {
  const stream =
    format === "pretty"
      ? pretty({ destination, sync: true, singleLine: true, ignore: hiddenFromPeople.join(",") })
      : destination;
  const lines = pino(
    {
      level,
      base: null,
      timestamp: false,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretKeys.flatMap((key) => [key, `*.${key}`]), censor: "[redacted]" },
    },
    stream,
  );
  return new DefaultLogger(sdkLevels[level], (entry) => write(lines, entry));
}

function write(lines: PinoLogger, entry: LogEntry): void {
  const { message, timestampNanos, meta } = entry;
  const fields: Record<string, unknown> = {
    // The SDK's bigint; pino cannot write one.
    time: new Date(Number(timestampNanos / nanosPerMilli)).toISOString(),
  };
  for (const [key, value] of Object.entries(meta ?? {})) {
    if (!silentKeys.has(key)) fields[key] = toField(value);
  }
  lines[levelOf(entry)](fields, redact(message));
}

/** A fault we throw on purpose has no stack worth a line: its message says what, facts and fix. */
function toField(value: unknown): unknown {
  if (value instanceof Error) {
    const type = "type" in value && typeof value.type === "string" ? value.type : value.name;
    return { type, message: redact(value.message) };
  }
  if (typeof value === "bigint") return value.toString();
  return typeof value === "string" ? redact(value) : value;
}

type SdkLevel = LogEntry["level"];
const sdkLevels: Readonly<Record<LoggingConfig["level"], SdkLevel>> = {
  trace: "TRACE",
  debug: "DEBUG",
  info: "INFO",
  warn: "WARN",
  error: "ERROR",
};

const pinoLevels: Readonly<Record<SdkLevel, LoggingConfig["level"]>> = {
  TRACE: "trace",
  DEBUG: "debug",
  INFO: "info",
  WARN: "warn",
  ERROR: "error",
};

/** What the SDK's worker says of its own inner life at info is for those who debug it. */
function levelOf({ level, message, meta }: LogEntry): LoggingConfig["level"] {
  const isInnerLife =
    meta?.["sdkComponent"] === "worker" &&
    (level === "INFO" || message.startsWith(expectedWarning));
  return isInnerLife ? "debug" : pinoLevels[level];
}
