import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { startLoopbackServer } from "../../../src/dev/loopback-server.ts";

type Answer = (
  body: { method: string; params: unknown[]; id: number },
  response: ServerResponse,
  request: IncomingMessage,
) => void;

/** A node that misbehaves on purpose; a fault double where no real client does so on demand. */
export async function startNodeDouble(
  answer: Answer,
): Promise<{ url: string; stop: () => Promise<void> }> {
  return startLoopbackServer(async (request, response) => {
    answer(JSON.parse(await text(request)), response, request);
  });
}

/** Answers one call; a batch is not taken. */
export function reply(response: ServerResponse, id: number, outcome: object, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ jsonrpc: "2.0", id, ...outcome }));
}
