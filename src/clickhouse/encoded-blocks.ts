import { type NativeBlock, nativePieces } from "./native-encoder.ts";

const roomBytes = 1024 * 1024;
/** What the writers of a worker hold together at most. More is given back to the engine. */
const mostFreeRooms = 64;

/**
 * Rooms for encoded rows, used again by one insert after another. Bytes made anew for every insert live until it is
 * done, so that only a mark of the whole heap frees them, and each 64 MB of them make the engine begin one (measured).
 */
export class Rooms {
  readonly #free: Uint8Array[] = [];

  take(): Uint8Array {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(roomBytes);
  }

  giveBack(rooms: readonly Uint8Array[]): void {
    this.#free.push(...rooms.slice(0, mostFreeRooms - this.#free.length));
  }
}

/** Native blocks back to back, as one insert sends them. */
export class EncodedBlocks {
  /** Bytes so far. */
  length = 0;
  readonly #rooms: Rooms;
  #taken: Uint8Array[] = [];
  /** Bytes in the room taken last; those before it are full. */
  #filled = roomBytes;

  constructor(rooms: Rooms) {
    this.#rooms = rooms;
  }

  /** Encodes a block and copies it: the arrays that it is a view of are free afterwards. */
  add(block: NativeBlock): void {
    for (const piece of nativePieces(block)) this.#append(piece);
  }

  /** All bytes in order; valid until `clear`. */
  parts(): Uint8Array[] {
    const last = this.#taken.length - 1;
    return this.#taken.map((room, position) =>
      position < last ? room : room.subarray(0, this.#filled),
    );
  }

  /** Takes all bytes away. To be called when nobody reads them any more. */
  clear(): void {
    this.#rooms.giveBack(this.#taken);
    this.#taken = [];
    this.#filled = roomBytes;
    this.length = 0;
  }

  #append(piece: Uint8Array): void {
    this.length += piece.length;
    let rest = piece;
    while (rest.length > 0) {
      const room = this.#roomToFill();
      const fitting = rest.subarray(0, roomBytes - this.#filled);
      room.set(fitting, this.#filled);
      this.#filled += fitting.length;
      rest = rest.subarray(fitting.length);
    }
  }

  #roomToFill(): Uint8Array {
    const last = this.#taken.at(-1);
    if (last !== undefined && this.#filled < roomBytes) return last;
    const room = this.#rooms.take();
    this.#taken.push(room);
    this.#filled = 0;
    return room;
  }
}
