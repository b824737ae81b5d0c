import { readFileSync } from "node:fs";
import { ConfigError } from "../errors.ts";
import { type ApiScope, apiScopes, type ConfigFile } from "./schema.ts";

/** Who may use the HTTP API, and for what. */
export type ApiToken = {
  /** The actor of what it does. */
  readonly name: string;
  readonly scopes: readonly ApiScope[];
  readonly sha256: Buffer;
};

type ServerConfig = Pick<ConfigFile["server"], "address" | "tokens" | "tokensFile">;

/** Where an entry stands, for the error; its text may be a token that somebody forgot to hash. */
type Entry = { readonly place: string; readonly text: string };

const entryPattern = /^([\w.@-]{1,40}):([a-z+]+):([0-9a-f]{64})$/i;
const fix =
  "write name:scopes:hash, such as ops:read+queue:<64 hex digits>; docs/api.md makes one.";

/**
 * Reads the tokens of the HTTP API from the configuration and its tokens file.
 * @throws {ConfigError} naming every entry that cannot be used, and where the API would listen wider than loopback
 * without any token.
 */
export function readApiTokens(server: ServerConfig): ApiToken[] {
  const entries = [
    ...server.tokens.map((text, index) => ({ place: `API_TOKENS, entry ${index + 1}`, text })),
    ...readTokensFile(server.tokensFile),
  ];
  const read = entries.map(readEntry);
  const faults = [
    ...read.filter((token) => typeof token === "string"),
    ...findRepeated(entries, read),
  ];
  if (faults.length > 0) {
    throw new ConfigError("The tokens of the API cannot be used.", { facts: faults, fix });
  }
  const tokens = read.filter((token) => typeof token !== "string");
  if (tokens.length === 0 && !isLoopback(server.address)) {
    throw new ConfigError("The API would listen to everybody, and no token is set.", {
      facts: [`API_ADDRESS: ${server.address}`],
      fix: "set API_TOKENS or API_TOKENS_FILE (docs/api.md makes a token), or listen on 127.0.0.1.",
    });
  }
  return tokens;
}

/** Whether an `ip:port` can be reached from this machine only. */
export function isLoopback(address: string): boolean {
  return /^(127\.|\[::1\]:)/.test(address);
}

function readTokensFile(path: string | null): Entry[] {
  if (path === null) return [];
  let source: string;
  try {
    source = readFileSync(path, "utf8");
  } catch {
    throw new ConfigError("The file with the tokens of the API cannot be read.", {
      facts: [`API_TOKENS_FILE: ${path}`],
      fix: "name a file that exists and can be read, or unset API_TOKENS_FILE.",
    });
  }
  return source
    .split("\n")
    .map((line, index) => ({
      place: `API_TOKENS_FILE, line ${index + 1}`,
      text: line.replace(/#.*/, "").trim(),
    }))
    .filter(({ text }) => text !== "");
}

/** @returns the token, or what is wrong with it. */
function readEntry({ place, text }: Entry): ApiToken | string {
  const [, name, scopes, hash] = entryPattern.exec(text) ?? [];
  if (name === undefined || scopes === undefined || hash === undefined) {
    return `${place}: is not name:scopes:hash`;
  }
  const named = scopes.split("+");
  const known = apiScopes.filter((scope) => named.includes(scope));
  if (known.length !== named.length) {
    return `${place}: scopes are ${apiScopes.join(", ")}, each once, with + between them`;
  }
  return { name, scopes: known, sha256: Buffer.from(hash, "hex") };
}

/** A name stands in the ledger, so it has to mean one token. */
function findRepeated(entries: readonly Entry[], tokens: readonly (ApiToken | string)[]): string[] {
  const names = new Set<string>();
  return tokens.flatMap((token, index) => {
    if (typeof token === "string") return [];
    if (names.has(token.name)) return [`${entries[index]?.place}: its name is taken already`];
    names.add(token.name);
    return [];
  });
}
