import {
  type ColumnData,
  concatenate,
  type NativeBlock,
  type NativeColumn,
} from "./native-encoder.ts";

/** A value as the audit compares and prints it: decimal, true or false, text, `[1,2]`; null = NULL. */
export type Cell = string | null;

/** Reads the values of a block back, column by column: what ClickHouse would store of it. */
export function readBlock({
  rowCount,
  columns,
}: NativeBlock): ReadonlyMap<string, readonly Cell[]> {
  return new Map(columns.map((column) => [column.name, readColumn(column, rowCount)]));
}

function readColumn({ name, type, data }: NativeColumn, rowCount: number): Cell[] {
  const cells = readData(data, type, rowCount);
  if (cells.length !== rowCount) {
    throw new RangeError(`${name}: ${cells.length} values in a block of ${rowCount} rows`);
  }
  return cells;
}

function readData(data: ColumnData, type: string, count: number): Cell[] {
  switch (data.kind) {
    case "plain":
      return readPlain(concatenate(data.pieces), type, count);
    case "nullable": {
      const values = readData(data.values, inside(type, "Nullable"), count);
      return values.map((value, row) => (data.isNull[row] === 1 ? null : value));
    }
    case "array": {
      const ends = Array.from(data.ends, Number);
      const items = readData(data.items, inside(type, "Array"), ends.at(-1) ?? 0);
      return ends.map((end, row) => `[${items.slice(ends[row - 1] ?? 0, end).join(",")}]`);
    }
    default: {
      const { kinds, reserved, indexes } = data;
      return Array.from(indexes.subarray(0, count), (index) => {
        if (index >= reserved) return kinds[index] ?? "";
        return reserved === 2 && index === 0 ? null : "";
      });
    }
  }
}

function inside(type: string, wrapper: string): string {
  return type.startsWith(`${wrapper}(`) ? type.slice(wrapper.length + 1, -1) : type;
}

function readPlain(bytes: Uint8Array, type: string, count: number): Cell[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rows = Array.from({ length: count }, (_, row) => row);
  const fixed = /^FixedString\((\d+)\)$/.exec(type)?.[1];
  if (fixed !== undefined) {
    const length = Number(fixed);
    return rows.map((row) => latin1(bytes.subarray(row * length, (row + 1) * length)));
  }
  switch (type) {
    case "Bool":
      return rows.map((row) => String(view.getUint8(row) === 1));
    case "UInt8":
      return rows.map((row) => String(view.getUint8(row)));
    case "UInt16":
      return rows.map((row) => String(view.getUint16(row * 2, true)));
    case "UInt32":
    case "DateTime":
      return rows.map((row) => String(view.getUint32(row * 4, true)));
    case "UInt64":
      return rows.map((row) => readUInt64(view, row * 8));
    case "UInt256":
      return rows.map((row) => readUInt256(view, row * 32).toString());
    case "String":
      return readStrings(bytes, count);
    default:
      throw new TypeError(`values of type ${type} cannot be read back`);
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** Most numbers fit a double, which costs a tenth of a bigint. */
function readUInt64(view: DataView, offset: number): string {
  const high = view.getUint32(offset + 4, true);
  if (high < 2 ** 21) return String(high * 2 ** 32 + view.getUint32(offset, true));
  return view.getBigUint64(offset, true).toString();
}

function readUInt256(view: DataView, offset: number): bigint {
  let value = 0n;
  for (let limb = 3; limb >= 0; limb -= 1) {
    value = (value << 64n) | view.getBigUint64(offset + limb * 8, true);
  }
  return value;
}

function readStrings(bytes: Uint8Array, count: number): string[] {
  const texts: string[] = [];
  let at = 0;
  for (let row = 0; row < count; row += 1) {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at] ?? 0;
      at += 1;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    texts.push(Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString("utf8"));
    at += length;
  }
  return texts;
}
