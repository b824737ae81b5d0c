import { DefaultLogger, type LogEntry, type Logger } from "@temporalio/worker";
import pino, { type DestinationStream, type Logger as PinoLogger } from "pino";
import pretty from "pino-pretty";
import type { LoggingConfig } from "../config/load-config.ts";
import { redact } from "./redact.ts";

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

/** Long parts of the SDK's own fields that say nothing a person looks for. */
const silentKeys: ReadonlySet<string> = new Set(["sdkComponent", "taskToken", "activation"]);

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
  const stream = format === "pretty" ? pretty({ destination, sync: true }) : destination;
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
  return new DefaultLogger(toSdkLevel(level), (entry) => write(lines, entry));
}

function write(lines: PinoLogger, { level, message, timestampNanos, meta }: LogEntry): void {
  const fields: Record<string, unknown> = {
    // The SDK's bigint; pino cannot write one.
    time: new Date(Number(timestampNanos / nanosPerMilli)).toISOString(),
  };
  for (const [key, value] of Object.entries(meta ?? {})) {
    if (!silentKeys.has(key)) fields[key] = toField(value);
  }
  lines[toPinoLevel(level)](fields, redact(message));
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

function toSdkLevel(level: LoggingConfig["level"]): SdkLevel {
  return sdkLevels[level];
}

function toPinoLevel(level: SdkLevel): LoggingConfig["level"] {
  switch (level) {
    case "TRACE":
      return "trace";
    case "DEBUG":
      return "debug";
    case "INFO":
      return "info";
    case "WARN":
      return "warn";
    default:
      return "error";
  }
}
