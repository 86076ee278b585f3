import type { Cell, Column } from "@postern/client";

export type GridColumn = Pick<Column, "name" | "typeName" | "encoding">;

/** What the grid shows. The client's `Rows` are one; so is a JSON array of objects. */
export interface GridRows {
  /** Unique per result. */
  readonly id: number;
  readonly columns: readonly GridColumn[];
  cell(row: number, column: number): Cell;
}
