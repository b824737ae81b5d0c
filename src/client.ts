#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { runClient } from "./client/run-client.ts";

/** The same path from src and from dist. */
const manifest: unknown = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
);
const version =
  typeof manifest === "object" && manifest !== null && "version" in manifest
    ? String(manifest.version)
    : "unknown";

// A reader that goes away (`… | head`) is no fault of ours.
process.stdout.on("error", () => process.exit());

process.exitCode = await runClient(process.argv.slice(2), {
  version,
  streams: {
    out: (text) => process.stdout.write(text),
    error: (text) => process.stderr.write(text),
  },
});
