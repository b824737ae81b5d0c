import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

type Answer = (
  body: { method: string; params: unknown[]; id: number },
  response: ServerResponse,
  request: IncomingMessage,
) => void;

/** A node that misbehaves on purpose; a fault double where no real client does so on demand. */
export async function startNodeDouble(
  answer: Answer,
): Promise<{ url: string; stop: () => Promise<void> }> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (part: Buffer) => {
      body += part.toString();
    });
    request.on("end", () => answer(JSON.parse(body), response, request));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers one call; a batch is not taken. */
export function reply(response: ServerResponse, id: number, outcome: object, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ jsonrpc: "2.0", id, ...outcome }));
}
