#!/usr/bin/env node
import { runClient } from "./client/run-client.ts";
import { readVersion } from "./config/version.ts";

// A reader that goes away (`… | head`) is no fault of ours.
process.stdout.on("error", () => process.exit());

process.exitCode = await runClient(process.argv.slice(2), {
  version: readVersion(),
  streams: {
    out: (text) => process.stdout.write(text),
    error: (text) => process.stderr.write(text),
  },
});
