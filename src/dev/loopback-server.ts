import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** An HTTP server on loopback that can be away and come back on the same port. */
export type LoopbackServer = {
  readonly url: string;
  /** true: every connection is refused or broken. false: it is back. */
  readonly outage: (isAway: boolean) => Promise<void>;
  /** Safe to call twice. */
  readonly stop: () => Promise<void>;
};

/**
 * Starts it.
 * @param answer - What throws breaks the connection.
 * @param wantedPort - 0: a free one.
 */
export async function startLoopbackServer(
  answer: (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<unknown>,
  wantedPort = 0,
): Promise<LoopbackServer> {
  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch(() => outgoing.destroy());
  });
  const listen = (port: number) =>
    new Promise<number>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => {
        server.removeListener("error", reject);
        const address = server.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  const port = await listen(wantedPort);
  return {
    url: `http://127.0.0.1:${port}`,
    outage: async (isAway) => {
      if (isAway && server.listening) await stop();
      if (!isAway && !server.listening) await listen(port);
    },
    stop,
  };
}
