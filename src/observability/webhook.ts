import { createHmac } from "node:crypto";
import type { Announcement } from "../activities/ports.ts";
import type { StakeAnnouncement } from "../activities/staking/bridge-ports.ts";
import { WebhookRefusedError } from "../errors.ts";

const timeoutMs = 10_000;

/** Every kind of message that an operator's receiver can get. */
export type Webhook = {
  /** @throws {WebhookRefusedError} */
  announce(message: Announcement | StakeAnnouncement): Promise<void>;
};

/**
 * Tells a receiver of the operator's what happened: POST of JSON, signed as the Standard Webhooks specification says
 * (standardwebhooks.com): `webhook-signature: v1,` + base64 of HMAC-SHA256 over `id.timestamp.body`. The same id comes
 * again when a delivery is repeated.
 * @param secret - the key's text; with the prefix `whsec_`, base64 of the key.
 */
export function createWebhook({ url, secret }: { url: string; secret: string }): Webhook {
  const key = secret.startsWith("whsec_")
    ? Buffer.from(secret.slice("whsec_".length), "base64")
    : Buffer.from(secret);
  const { host } = new URL(url);
  return {
    async announce({ id, ...message }) {
      const body = JSON.stringify(message);
      const timestamp = String(Math.floor(Date.now() / 1000));
      const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`);
      const status = await post(url, body, {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": `v1,${signature.digest("base64")}`,
      });
      if (typeof status === "string" || status < 200 || status > 299) {
        throw new WebhookRefusedError({ host, reason: String(status) });
      }
    },
  };
}

/** @returns the HTTP status, or why there was none, without the url. */
async function post(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<number | string> {
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(url, { method: "POST", body, headers, signal, redirect: "error" });
    await response.body?.cancel();
    return response.status;
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    return typeof code === "string" ? code : "no answer";
  }
}
