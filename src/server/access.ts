import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyRequest } from "fastify";
import type { ApiToken } from "../config/api-tokens.ts";
import type { ApiScope } from "../config/schema.ts";
import { Problem } from "./problem.ts";

/** Who sent a request. */
export type Caller =
  | { readonly kind: "local" }
  | { readonly kind: "token"; readonly name: string; readonly scopes: readonly ApiScope[] }
  | { readonly kind: "unknown" };

/** Finds out who sends a request with this Authorization header; without any token configured, all are local. */
export function createAuthenticator(
  tokens: readonly ApiToken[],
): (authorization: string | undefined) => Caller {
  if (tokens.length === 0) return () => ({ kind: "local" });
  return (authorization) => {
    const [, presented] = /^bearer +(\S+) *$/i.exec(authorization ?? "") ?? [];
    if (presented === undefined) return { kind: "unknown" };
    const digest = createHash("sha256").update(presented).digest();
    // Every token is compared, so that the time tells nothing about which of them is near.
    const [found] = tokens.filter(({ sha256 }) => timingSafeEqual(sha256, digest));
    return found === undefined
      ? { kind: "unknown" }
      : { kind: "token", name: found.name, scopes: found.scopes };
  };
}

/**
 * Lets only callers pass that have the scope: before the body is read.
 * @param fix - for a caller without it.
 */
export function requireScope(
  scope: ApiScope,
  fix = "use a token that has it, or give it the scope in API_TOKENS.",
): (request: FastifyRequest) => Promise<void> {
  return async ({ caller }) => {
    if (caller.kind === "unknown") {
      throw new Problem({
        kind: "unauthenticated",
        status: 401,
        title: "The request has no token that is known here.",
        fix: "send the header `Authorization: Bearer TOKEN`.",
        headers: { "www-authenticate": 'Bearer realm="blockloom"' },
      });
    }
    if (caller.kind === "token" && !caller.scopes.includes(scope)) {
      throw new Problem({
        kind: "scope-missing",
        status: 403,
        title: "The token may not do this.",
        detail: `The token "${caller.name}" lacks the scope "${scope}".`,
        fix,
        headers: {
          "www-authenticate": `Bearer realm="blockloom", error="insufficient_scope", scope="${scope}"`,
        },
      });
    }
  };
}

/** The actor of what a caller does, as ledger rows and workflows record it. */
export function actorOf(caller: Caller): string {
  return caller.kind === "token" ? `api:${caller.name}` : "api";
}

/** Callers with a token count by it: behind a proxy all of them have one address. */
export function rateLimitKey({ caller, ip }: FastifyRequest): string {
  return caller.kind === "token" ? `token ${caller.name}` : `address ${ip}`;
}
