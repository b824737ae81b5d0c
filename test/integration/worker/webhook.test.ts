import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { text } from "node:stream/consumers";
import getPort from "get-port";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Announcement } from "../../../src/activities/ports.ts";
import { createWebhook } from "../../../src/observability/webhook.ts";

const token = "t0k3n";
const secret = "a key that only both ends know";
const message: Announcement = {
  id: "run-7",
  type: "blocks.recovered",
  at: "2026-01-02T03:04:05.000Z",
  network: "net",
  processors: ["structlog", "transaction"],
  fromBlock: 10,
  toBlock: 19,
  recovered: 9,
  failed: [12],
};

let url: string;
let answer = { status: 204, headers: {} };
const received: { headers: IncomingHttpHeaders; body: string }[] = [];
const receiver = createServer((request, response) => {
  const take = async () => {
    received.push({ headers: request.headers, body: await text(request) });
    response.writeHead(answer.status, answer.headers).end();
  };
  take().catch(() => response.destroy());
});

beforeAll(async () => {
  receiver.listen(0, "127.0.0.1");
  await once(receiver, "listening");
  const address = receiver.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  url = `http://127.0.0.1:${port}/hook?token=${token}`;
});
afterAll(() => receiver.close());
beforeEach(() => {
  answer = { status: 204, headers: {} };
  received.length = 0;
});

const signed = (key: Buffer | string, timestamp: unknown, body: string) =>
  `v1,${createHmac("sha256", key)
    .update(`run-7.${String(timestamp)}.${body}`)
    .digest("base64")}`;

test("a receiver gets the message, its id apart, and a signature that it can check", async () => {
  await createWebhook({ url, secret }).announce(message);

  const [{ headers, body } = { headers: {}, body: "" }] = received;
  const { id, ...rest } = message;
  expect(JSON.parse(body)).toEqual(rest);
  expect(headers["webhook-id"]).toBe(id);
  expect(Math.abs(Number(headers["webhook-timestamp"]) - Date.now() / 1000)).toBeLessThan(60);
  expect(headers["webhook-signature"]).toBe(signed(secret, headers["webhook-timestamp"], body));
});

test("a secret with the prefix of the specification is base64 of the key", async () => {
  const key = Buffer.from("0123456789abcdef0123456789abcdef");
  await createWebhook({ url, secret: `whsec_${key.toString("base64")}` }).announce(message);

  const [{ headers, body } = { headers: {}, body: "" }] = received;
  expect(headers["webhook-signature"]).toBe(signed(key, headers["webhook-timestamp"], body));
});

test.each([
  ["an error", { status: 500, headers: {} }, "500"],
  [
    "a redirect, which could lead a signed message anywhere",
    { status: 302, headers: { location: "/" } },
    "no answer",
  ],
])("%s is a failure that names the host and no token", async (_what, wrong, reason) => {
  answer = wrong;
  const delivery = createWebhook({ url, secret }).announce(message);
  await expect(delivery).rejects.toMatchObject({
    name: "WebhookRefusedError",
    message: expect.stringContaining(`answer: ${reason}`),
  });
  await expect(delivery).rejects.not.toThrow(token);
});

test("a receiver that is away is a failure with its code", async () => {
  const nobody = `http://127.0.0.1:${await getPort()}/?token=x`;
  const delivery = createWebhook({ url: nobody, secret }).announce(message);
  await expect(delivery).rejects.toThrow("answer: ECONNREFUSED");
});
