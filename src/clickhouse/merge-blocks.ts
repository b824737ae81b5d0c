import { type ColumnData, concatenate, type NativeBlock } from "./native-encoder.ts";

/**
 * Puts small blocks with the same columns together, row after row: ClickHouse casts and checks every column of every
 * block, which for a handful of rows costs more than the rows do.
 */
export function mergeBlocks(blocks: readonly NativeBlock[]): NativeBlock {
  const [first] = blocks;
  if (first === undefined || blocks.length === 1) return first ?? { rowCount: 0, columns: [] };
  return {
    rowCount: blocks.reduce((sum, { rowCount }) => sum + rowCount, 0),
    columns: first.columns.map(({ name, type }, index) => ({
      name,
      type,
      data: mergeData(blocks.flatMap(({ columns }) => columns[index]?.data ?? [])),
    })),
  };
}

/** A block that shares no memory with the arrays that it was made of. */
export function detachBlock({ rowCount, columns }: NativeBlock): NativeBlock {
  return { rowCount, columns: columns.map((column) => ({ ...column, data: detach(column.data) })) };
}

type Of<Kind extends ColumnData["kind"]> = Extract<ColumnData, { kind: Kind }>;

/** @throws {TypeError} when one column is of several kinds. */
function mergeData(parts: readonly ColumnData[]): ColumnData {
  const [first] = parts;
  switch (first?.kind) {
    case "plain":
      return { kind: "plain", pieces: ofKind("plain", parts).flatMap(({ pieces }) => pieces) };
    case "nullable": {
      const nullables = ofKind("nullable", parts);
      const isNull = concatenate(nullables.map((part) => part.isNull));
      return { kind: "nullable", isNull, values: mergeData(nullables.map(({ values }) => values)) };
    }
    case "array":
      return mergeArrays(ofKind("array", parts));
    case "dictionary":
      return mergeDictionaries(ofKind("dictionary", parts), first.reserved);
    default:
      throw new TypeError("a column of no block");
  }
}

function ofKind<Kind extends ColumnData["kind"]>(
  kind: Kind,
  parts: readonly ColumnData[],
): readonly Of<Kind>[] {
  return parts.map((part) => {
    if (!isOfKind(kind, part)) throw new TypeError(`a ${part.kind} column beside a ${kind} one`);
    return part;
  });
}

function isOfKind<Kind extends ColumnData["kind"]>(kind: Kind, part: ColumnData): part is Of<Kind> {
  return part.kind === kind;
}

function mergeArrays(parts: readonly Of<"array">[]): ColumnData {
  const rows = parts.reduce((sum, { ends }) => sum + ends.length, 0);
  const ends = new Uint32Array(rows);
  let row = 0;
  let items = 0;
  for (const part of parts) {
    const start = items;
    for (const end of part.ends) {
      items = start + Number(end);
      ends[row] = items;
      row += 1;
    }
  }
  return { kind: "array", ends, items: mergeData(parts.map((part) => part.items)) };
}

function mergeDictionaries(parts: readonly Of<"dictionary">[], reserved: 1 | 2): ColumnData {
  const kinds = Array<string>(reserved).fill("");
  const entryOf = new Map<string, number>();
  const indexes = new Uint32Array(parts.reduce((sum, part) => sum + part.indexes.length, 0));
  let row = 0;
  for (const part of parts) {
    const entries = part.kinds.map((text, index) => {
      if (index < reserved) return index;
      const known = entryOf.get(text);
      if (known !== undefined) return known;
      const entry = kinds.push(text) - 1;
      entryOf.set(text, entry);
      return entry;
    });
    for (const index of part.indexes) {
      indexes[row] = entries[index] ?? 0;
      row += 1;
    }
  }
  return { kind: "dictionary", kinds, reserved, indexes };
}

function detach(data: ColumnData): ColumnData {
  switch (data.kind) {
    case "plain":
      return { kind: "plain", pieces: [concatenate(data.pieces)] };
    case "nullable":
      return { kind: "nullable", isNull: data.isNull.slice(), values: detach(data.values) };
    case "array":
      return { kind: "array", ends: data.ends.slice(), items: detach(data.items) };
    default:
      return { ...data, kinds: [...data.kinds], indexes: data.indexes.slice() };
  }
}
