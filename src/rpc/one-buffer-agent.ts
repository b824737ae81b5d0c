import { Agent } from "node:http";
import { connect, type Socket, type TcpNetConnectOpts } from "node:net";

const bufferBytes = 64 * 1024;

/**
 * Keeps sockets alive and reads all of them into one buffer: the HTTP parser has copied what it wants of it when the
 * event returns. Otherwise each read has a buffer of its own, and what traces leave behind of these makes the engine
 * mark its whole heap again and again (measured).
 */
export class OneBufferAgent extends Agent {
  readonly #buffer = Buffer.allocUnsafeSlow(bufferBytes);

  constructor() {
    super({ keepAlive: true });
  }

  override createConnection(options: TcpNetConnectOpts): Socket {
    const socket: Socket = connect({
      ...options,
      onread: {
        buffer: this.#buffer,
        callback: (length) => {
          socket.emit("data", this.#buffer.subarray(0, length));
          return true;
        },
      },
    });
    return socket;
  }
}
