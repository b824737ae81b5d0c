import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@temporalio/common";
import { createWorkflowLink } from "./client/workflow-link.ts";
import { isLoopback, readApiTokens } from "./config/api-tokens.ts";
import { type Config, loadConfig } from "./config/load-config.ts";
import { loadStackEnv } from "./config/stack-env.ts";
import { readVersion } from "./config/version.ts";
import { redact } from "./domain/redact.ts";
import { AppError, ConfigError, SchemaMismatchError } from "./errors.ts";
import { createLogger } from "./observability/logger.ts";
import { waitWhileAway } from "./observability/wait-while-away.ts";
import { type Backends, openBackends } from "./server/backends.ts";
import { createServer } from "./server/create-server.ts";
import { listen, stopListening } from "./server/listen.ts";
import { openStaking } from "./server/staking/open-staking.ts";

/** Serves the HTTP API until the signal: at once, while what it needs may still be away (then it answers 503). */
async function main(signal: AbortSignal): Promise<void> {
  // Beside a running demo or dev stack it finds that, as the client does.
  const env = loadStackEnv();
  const config = loadConfig({ env });
  if (config.networks.length === 0 && config.staking === null) {
    throw new ConfigError("No network and no staking service is configured.", {
      fix: "set NETWORK and RPC_URL, or STAKING_ADDRESS and CHAIN_RPC_URL, or write blockloom.yaml (examples/blockloom.yaml).",
    });
  }
  const tokens = readApiTokens(config.server);
  const logger = createLogger(config.logging);
  const backends = openBackends(config);
  const linkTo = createWorkflowLink(env.TEMPORAL_UI_URL, config.temporal.namespace);
  const app = await createServer({
    config,
    tokens,
    backends,
    staking: await openStaking(config, backends),
    logger,
    version: readVersion(),
    linkTo,
  });
  try {
    const address = await listen(app, config.server.address);
    logger.info("Server listens", {
      address,
      access:
        tokens.length === 0
          ? "this machine, without a token"
          : tokens.map(({ name, scopes }) => `${name} (${scopes.join(", ")})`).join(", "),
    });
    if (!isLoopback(address)) logger.warn("Put a proxy with TLS before it: it speaks plain HTTP");
    await waitForBackends(config, backends, { logger, signal });
    logger.info("Server is ready", { address });
    await untilAborted(signal);
  } finally {
    await stopListening(app);
    await backends.close();
  }
  logger.info("Server has stopped");
}

async function waitForBackends(
  { temporal }: Config,
  backends: Backends,
  waiting: { readonly logger: Logger; readonly signal: AbortSignal },
): Promise<void> {
  await waitWhileAway(backends.temporal, { what: `Temporal at ${temporal.address}`, ...waiting });
  await waitForLedger(backends, waiting);
}

/** The worker applies migrations when it starts; until then the answers of the API say so too. */
async function waitForLedger(
  { ledger }: Backends,
  waiting: { readonly logger: Logger; readonly signal: AbortSignal },
): Promise<void> {
  for (let isSaid = false; ; isSaid = true) {
    try {
      await waitWhileAway(ledger, { what: "ClickHouse", ...waiting });
      return;
    } catch (error) {
      if (!(error instanceof SchemaMismatchError)) throw error;
      const { facts, fix } = error;
      if (!isSaid) waiting.logger.warn("Waiting for the schema", { reason: facts.join(" "), fix });
      await sleep(1_000, undefined, { signal: waiting.signal });
    }
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
try {
  await main(stop.signal);
} catch (error) {
  const isStopped = stop.signal.aborted;
  if (!isStopped) console.error(error instanceof AppError ? error.message : redact(String(error)));
  process.exitCode = isStopped ? 0 : 1;
}
