/**
 * Columns in ClickHouse's Native format, revision 0 (what HTTP and files use). A block is: column count, row count,
 * then per column its name, its type and its data. A column's type may differ from the table's: the server casts.
 */
export type NativeColumn = {
  readonly name: string;
  readonly type: string;
  /** May be a view of the caller's arrays. Read when the block is put together. */
  readonly data: ColumnData;
};

/** Columns of equal length that become one block. */
export type NativeBlock = { readonly rowCount: number; readonly columns: readonly NativeColumn[] };

type Indexes = Uint8Array | Uint16Array | Uint32Array;
export type ColumnData =
  | { readonly kind: "plain"; readonly pieces: readonly Uint8Array[] }
  | { readonly kind: "nullable"; readonly isNull: Uint8Array; readonly values: ColumnData }
  | {
      readonly kind: "array";
      /** Where each row's array ends in `items`, ascending. */
      readonly ends: BigUint64Array | Uint32Array;
      readonly items: ColumnData;
    }
  | {
      readonly kind: "dictionary";
      /** The first `reserved` are no texts: the empty string, or NULL and the empty string. */
      readonly kinds: readonly string[];
      readonly reserved: 1 | 2;
      readonly indexes: Indexes;
    };

type NumberArray = Uint8Array | Uint16Array | Uint32Array | BigUint64Array | Float64Array;

/** Puts columns of equal length together; copies every byte once. */
export function encodeNativeBlock({ rowCount, columns }: NativeBlock): Uint8Array<ArrayBuffer> {
  const pieces = [
    encodeVarint(columns.length),
    encodeVarint(rowCount),
    ...columns.flatMap(({ name, type, data }) => [
      encodeString(name),
      encodeString(type),
      ...encodeData(data),
    ]),
  ];
  return concatenate(pieces);
}

function encodeData(data: ColumnData): readonly Uint8Array[] {
  switch (data.kind) {
    case "plain":
      return data.pieces;
    case "nullable":
      return [data.isNull, ...encodeData(data.values)];
    case "array": {
      const { ends, items } = data;
      return [ends instanceof Uint32Array ? widen(ends) : bytesOf(ends), ...encodeData(items)];
    }
    default:
      return dictionaryData(data.kinds, data.indexes);
  }
}

/** Numbers as they lie in memory: every platform that runs us is little-endian, as the format is. */
export function numberColumn(name: string, type: string, values: NumberArray): NativeColumn {
  return { name, type, data: { kind: "plain", pieces: [bytesOf(values)] } };
}

/**
 * Whole numbers as UInt64, the table's own type: a cast by the server costs ten times this loop.
 * @param values - Exact below 2^53.
 * @throws {RangeError} when a value is negative, NaN or too large.
 */
export function wholeNumberColumn(name: string, values: Float64Array): NativeColumn {
  const words = new Uint32Array(values.length * 2);
  for (let row = 0; row < values.length; row += 1) {
    const value = values[row] ?? 0;
    if (!(value >= 0 && value < 2 ** 64)) {
      throw new RangeError(`${name}: ${value} does not fit into UInt64`);
    }
    setUInt64(words, row, value);
  }
  return numberColumn(name, "UInt64", words);
}

/** As {@link wholeNumberColumn}, with NULL where a value is NaN. */
export function nullableWholeNumberColumn(name: string, values: Float64Array): NativeColumn {
  const isNull = new Uint8Array(values.length);
  const numbers = values.map((value, row) => {
    if (!Number.isNaN(value)) return value;
    isNull[row] = 1;
    return 0;
  });
  return nullableColumn(wholeNumberColumn(name, numbers), isNull);
}

/** Writes a whole number as two words; storing into a Uint32Array takes it modulo 2^32. */
export function setUInt64(words: Uint32Array, index: number, value: number): void {
  words[index * 2] = value;
  words[index * 2 + 1] = value / 2 ** 32;
}

/** One UInt64 for all rows. @throws {RangeError} when it does not fit. */
export function constantUInt64Column(name: string, value: bigint, rowCount: number): NativeColumn {
  const values = new BigUint64Array(rowCount).fill(checkRange(value, 64));
  return numberColumn(name, "UInt64", values);
}

/**
 * Strings of few kinds: each kind once, and an index per row. Cast by the server to String, FixedString or
 * LowCardinality, it saves most of the bytes of hashes and texts that repeat.
 * @param kinds - Entry 0 is the empty string.
 */
export function dictionaryColumn(
  name: string,
  kinds: readonly string[],
  indexes: Indexes,
): NativeColumn {
  const data: ColumnData = { kind: "dictionary", kinds, reserved: 1, indexes };
  return { name, type: "LowCardinality(String)", data };
}

/**
 * As {@link dictionaryColumn}, with NULL at index 0 and the empty string at index 1.
 * @param kinds - Entry 0 and 1 are not read as texts.
 */
export function nullableDictionaryColumn(
  name: string,
  kinds: readonly string[],
  indexes: Indexes,
): NativeColumn {
  const data: ColumnData = { kind: "dictionary", kinds, reserved: 2, indexes };
  return { name, type: "LowCardinality(Nullable(String))", data };
}

/** Serialisation version 1, then the index width with the bits "keys follow" (9) and "no shared dictionary" (10). */
function dictionaryData(kinds: readonly string[], indexes: Indexes): Uint8Array[] {
  const widthCode = BigInt(Math.log2(indexes.BYTES_PER_ELEMENT));
  const header = BigUint64Array.of(1n, widthCode | (1n << 9n) | (1n << 10n), BigInt(kinds.length));
  return [
    bytesOf(header),
    ...kinds.map(encodeString),
    bytesOf(BigUint64Array.of(BigInt(indexes.length))),
    bytesOf(indexes),
  ];
}

/**
 * An array per row.
 * @param ends - Where each row's array ends in `items`, ascending.
 */
export function arrayColumn(
  name: string,
  items: NativeColumn,
  ends: BigUint64Array | Uint32Array,
): NativeColumn {
  return { name, type: `Array(${items.type})`, data: { kind: "array", ends, items: items.data } };
}

/** A column with NULL where `isNull` holds 1; the value under a NULL must be there but does not count. */
export function nullableColumn(values: NativeColumn, isNull: Uint8Array): NativeColumn {
  const data: ColumnData = { kind: "nullable", isNull, values: values.data };
  return { ...values, type: `Nullable(${values.type})`, data };
}

export function stringColumn(name: string, values: readonly string[]): NativeColumn {
  return { name, type: "String", data: { kind: "plain", pieces: values.map(encodeString) } };
}

/** @throws {RangeError} when a value has another length. The empty string stands for zeros, under a NULL. */
export function fixedStringColumn(
  name: string,
  length: number,
  values: readonly string[],
): NativeColumn {
  const bytes = Buffer.alloc(length * values.length);
  values.forEach((value, row) => {
    if (value.length !== length && value !== "") {
      throw new RangeError(`${name}: ${value.length} characters instead of ${length}`);
    }
    bytes.write(value, row * length, "latin1");
  });
  return { name, type: `FixedString(${length})`, data: { kind: "plain", pieces: [bytes] } };
}

/** @throws {RangeError} when a value is negative or needs more bits. */
export function bigintColumn(
  name: string,
  bits: 64 | 256,
  values: readonly bigint[],
): NativeColumn {
  const limbs = bits / 64;
  const words = new BigUint64Array(values.length * limbs);
  values.forEach((value, row) => {
    checkRange(value, bits);
    for (let limb = 0; limb < limbs; limb += 1) {
      words[row * limbs + limb] = BigInt.asUintN(64, value >> BigInt(64 * limb));
    }
  });
  return numberColumn(name, `UInt${bits}`, words);
}

/** The little-endian bytes of one UInt64. @throws {RangeError} when it does not fit. */
export function encodeUInt64(value: bigint): Uint8Array {
  return bytesOf(BigUint64Array.of(checkRange(value, 64)));
}

function checkRange(value: bigint, bits: number): bigint {
  if (value < 0n || value >> BigInt(bits) !== 0n) {
    throw new RangeError(`${value} does not fit into UInt${bits}`);
  }
  return value;
}

/** u32 -> u64, without a bigint per element. */
function widen(values: Uint32Array): Uint8Array {
  const words = new Uint32Array(values.length * 2);
  for (let row = 0; row < values.length; row += 1) words[row * 2] = values[row] ?? 0;
  return bytesOf(words);
}

function encodeString(text: string): Uint8Array {
  const length = encodeVarint(Buffer.byteLength(text));
  return concatenate([length, Buffer.from(text)]);
}

function encodeVarint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

function bytesOf(values: NumberArray): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Copies pieces into one. */
export function concatenate(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return bytes;
}
