import { connect, createServer, type Socket } from "node:net";

/** A cable to a server that can be cut, for one client alone. */
export type TcpLink = {
  readonly address: string;
  /** Breaks every connection; new ones are refused. For good. Safe to call twice. */
  readonly cut: () => Promise<void>;
};

/** @param address - `host:port` of the server. */
export async function startTcpLink(address: string): Promise<TcpLink> {
  const { hostname, port } = new URL(`tcp://${address}`);
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
    return socket;
  };
  const server = createServer((near) => {
    const far = keep(connect(Number(port), hostname));
    keep(near).pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  const localPort = typeof bound === "object" && bound !== null ? bound.port : 0;
  return {
    address: `127.0.0.1:${localPort}`,
    cut: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
