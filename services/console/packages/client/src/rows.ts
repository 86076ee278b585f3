import {
  type Batch,
  type Column,
  type ColumnData,
  Encoding,
} from "./gen/postern/proxy/v1/proxy_pb.js";

/** One value of a result. Integers are `bigint`, so int8 stays exact. */
export type Cell = null | boolean | bigint | number | string | Uint8Array;

/**
 * The rows of one result, kept in the columnar batches they arrived in. Cells are decoded on access,
 * so rendering costs depend on what is visible, not on the size of the result.
 */
export class Rows {
  private static made = 0;
  /** Unique per result. */
  readonly id = ++Rows.made;
  readonly columns: readonly Column[];
  private readonly batches: Batch[] = [];
  /** Index of the first row of each batch. */
  private readonly starts: number[] = [];
  private total = 0;

  constructor(columns: readonly Column[]) {
    this.columns = columns;
  }

  get count(): number {
    return this.total;
  }

  append(batch: Batch): void {
    checkWidth(batch, this.columns);
    this.starts.push(this.total);
    this.batches.push(batch);
    this.total += batch.rowCount;
  }

  cell(row: number, column: number): Cell {
    const index = this.batchOf(row);
    const batch = this.batches[index];
    const start = this.starts[index];
    const data = batch?.columns[column];
    const encoding = this.columns[column]?.encoding;
    if (start === undefined || data === undefined || encoding === undefined) {
      throw new RangeError(`no cell at row ${row}, column ${column}`);
    }
    return cellOf(data, encoding, row - start);
  }

  /** Binary search, because a large result has many batches. */
  private batchOf(row: number): number {
    if (row < 0 || row >= this.total) return -1;
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.starts[middle] ?? 0) <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** A row as an object. If several columns have the same name, the last one counts. */
export type Row = Record<string, Cell>;

/** Decodes the rows of one batch. */
export function* rowsOf(batch: Batch, columns: readonly Column[]): Generator<Row> {
  checkWidth(batch, columns);
  const readers = columns.map(({ name, encoding }, index) => ({
    name,
    encoding,
    data: batch.columns[index] as ColumnData,
  }));
  for (let row = 0; row < batch.rowCount; row += 1) {
    // fromEntries defines properties, so a column named "__proto__" is a column like any other.
    yield Object.fromEntries(
      readers.map(({ name, encoding, data }) => [name, cellOf(data, encoding, row)]),
    );
  }
}

function checkWidth(batch: Batch, columns: readonly Column[]): void {
  if (batch.columns.length !== columns.length) {
    throw new RangeError("the batch and the header have different numbers of columns");
  }
}

function cellOf(data: ColumnData, encoding: Encoding, row: number): Cell {
  if (isNull(data.nulls, row)) return null;
  const value = valuesOf(data, encoding)[row];
  if (value === undefined)
    throw new RangeError("a column has fewer values than its batch has rows");
  return value;
}

/** Row i is NULL if bit i % 8 (least significant first) of byte i / 8 is set; an empty bitmap has no NULLs. */
function isNull(bitmap: Uint8Array, row: number): boolean {
  return (((bitmap[row >> 3] ?? 0) >> (row & 7)) & 1) === 1;
}

function valuesOf(data: ColumnData, encoding: Encoding): readonly Exclude<Cell, null>[] {
  switch (encoding) {
    case Encoding.BOOL:
      return data.bools;
    case Encoding.INT:
      return data.ints;
    case Encoding.DOUBLE:
      return data.doubles;
    case Encoding.TEXT:
      return data.texts;
    case Encoding.BYTES:
      return data.blobs;
    default:
      throw new RangeError(`unknown encoding ${encoding}`);
  }
}
