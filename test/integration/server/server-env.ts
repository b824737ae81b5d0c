import { createHash } from "node:crypto";
import type { Logger } from "@temporalio/common";
import { createWorkflowLink } from "../../../src/client/workflow-link.ts";
import { readApiTokens } from "../../../src/config/api-tokens.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import { openBackends } from "../../../src/server/backends.ts";
import { createServer } from "../../../src/server/create-server.ts";
import { listen, stopListening } from "../../../src/server/listen.ts";
import { openStaking } from "../../../src/server/staking/open-staking.ts";

export type LogLine = { readonly level: string; readonly message: string; readonly meta: object };

/** An answer with its body read, JSON or not. */
export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Record<string, unknown>;
};

export type TestServer = {
  readonly url: string;
  readonly address: string;
  readonly lines: readonly LogLine[];
  readonly app: Awaited<ReturnType<typeof createServer>>;
  readonly call: (method: string, path: string, options?: CallOptions) => Promise<Answer>;
  readonly stop: () => Promise<void>;
};
type CallOptions = {
  readonly body?: unknown;
  readonly rawBody?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: string;
};

/** The API as src/server.ts puts it together, on a free port of this process. */
export async function startTestServer(env: Readonly<Record<string, string>>): Promise<TestServer> {
  const config = loadConfig({
    env: { API_ADDRESS: "127.0.0.1:0", API_RATE_LIMIT: "1000000", ...env },
    cwd: "/nonexistent",
  });
  const backends = openBackends(config);
  const lines: LogLine[] = [];
  const app = await createServer({
    config,
    tokens: readApiTokens(config.server),
    backends,
    staking: await openStaking(config, backends),
    logger: createLineLogger(lines),
    version: "test",
    linkTo: createWorkflowLink(env["TEMPORAL_UI_URL"], config.temporal.namespace),
  });
  const address = await listen(app, config.server.address);
  const url = `http://${address}`;
  return {
    url,
    address,
    lines,
    app,
    call: (method, path, options) => call(`${url}${path}`, method, options),
    stop: async () => {
      await stopListening(app);
      await backends.close();
    },
  };
}

async function call(
  url: string,
  method: string,
  { body, rawBody, headers, token }: CallOptions = {},
): Promise<Answer> {
  const sent = rawBody ?? (body === undefined ? undefined : JSON.stringify(body));
  const response = await fetch(url, {
    method,
    headers: {
      ...(sent === undefined ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(sent === undefined ? {} : { body: sent }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") ?? false;
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson ? JSON.parse(text) : {},
  };
}

export function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

function createLineLogger(lines: LogLine[]): Logger {
  const log = (level: string) => (message: string, meta?: object) => {
    lines.push({ level, message, meta: meta ?? {} });
  };
  return {
    trace: log("trace"),
    debug: log("debug"),
    info: log("info"),
    warn: log("warn"),
    error: log("error"),
    log: (level, message, meta) => log(level.toLowerCase())(message, meta),
  };
}
