import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  BatchSchema,
  type ColumnDataSchema,
  ColumnSchema,
  Encoding,
} from "./gen/postern/proxy/v1/proxy_pb.js";
import { Rows } from "./rows.js";

type Data = MessageInitShape<typeof ColumnDataSchema>;

function rowsOf(...encodings: Encoding[]): Rows {
  return new Rows(encodings.map((encoding) => create(ColumnSchema, { name: "c", encoding })));
}

function add(rows: Rows, rowCount: number, ...columns: Data[]): void {
  rows.append(create(BatchSchema, { rowCount, columns }));
}

describe("Rows", () => {
  it("reads the null bitmap least significant bit first", () => {
    const rows = rowsOf(Encoding.TEXT);
    const nulls = new Uint8Array([0b1000_0001, 0b0000_0010]);
    add(rows, 10, { nulls, texts: [..."0123456789"].map((digit) => (digit === "0" ? "" : digit)) });
    const isNull = Array.from({ length: 10 }, (_, row) => rows.cell(row, 0) === null);
    expect(isNull).toEqual([true, false, false, false, false, false, false, true, false, true]);
  });

  it("treats missing bitmap bytes as not NULL", () => {
    const rows = rowsOf(Encoding.INT);
    add(rows, 9, { nulls: new Uint8Array([0]), ints: [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n] });
    expect(rows.cell(0, 0)).toBe(0n);
    expect(rows.cell(8, 0)).toBe(8n);
  });

  it("keeps int8 exact beyond the precision of a double", () => {
    const rows = rowsOf(Encoding.INT);
    add(rows, 2, { ints: [9_007_199_254_740_993n, -9_223_372_036_854_775_808n] });
    expect(String(rows.cell(0, 0))).toBe("9007199254740993");
    expect(String(rows.cell(1, 0))).toBe("-9223372036854775808");
  });

  it("decodes every encoding from its own field", () => {
    const rows = rowsOf(Encoding.BOOL, Encoding.DOUBLE, Encoding.TEXT, Encoding.BYTES);
    add(
      rows,
      1,
      { bools: [true] },
      { doubles: [0.5] },
      { texts: ["12.30"] },
      { blobs: [new Uint8Array([0xde, 0xad])] },
    );
    expect([0, 1, 2, 3].map((column) => rows.cell(0, column))).toEqual([
      true,
      0.5,
      "12.30",
      new Uint8Array([0xde, 0xad]),
    ]);
  });

  it("finds a row in the batch it arrived in", () => {
    const rows = rowsOf(Encoding.INT);
    for (const [from, length] of [
      [0, 3],
      [3, 1],
      [4, 5],
    ] as const) {
      add(rows, length, { ints: Array.from({ length }, (_, index) => BigInt(from + index)) });
    }
    expect(rows.count).toBe(9);
    for (let row = 0; row < 9; row += 1) expect(rows.cell(row, 0)).toBe(BigInt(row));
  });

  it("rejects cells that do not exist and batches that do not match the header", () => {
    const rows = rowsOf(Encoding.INT);
    add(rows, 2, { ints: [1n] });
    expect(() => rows.cell(1, 0)).toThrow(RangeError);
    expect(() => rows.cell(2, 0)).toThrow(RangeError);
    expect(() => rows.cell(0, 1)).toThrow(RangeError);
    expect(() => add(rows, 1, { ints: [1n] }, { ints: [1n] })).toThrow(RangeError);
  });
});
