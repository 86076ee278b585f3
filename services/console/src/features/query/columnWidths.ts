import type { Rows } from "../../client";
import { shownText } from "./cellText";

/** Advance of one character of the mono face at the grid's size, and the padding of a cell, in pixels. */
const CHARACTER = 7.3;
const PADDING = 26;
const NARROWEST = 64;
const WIDEST = 380;
/** The first rows are enough to judge by; widths must not jump about while rows arrive. */
const SAMPLE = 100;

/** How wide each column wants to be, in pixels. */
export function columnWidths(rows: Rows, count: number): number[] {
  const sampled = Math.min(count, SAMPLE);
  return rows.columns.map((column, index) => {
    let characters = Math.max(column.name.length, column.typeName.length);
    for (let row = 0; row < sampled; row += 1) {
      characters = Math.max(characters, shownText(rows.cell(row, index)).length);
    }
    return Math.round(Math.min(WIDEST, Math.max(NARROWEST, characters * CHARACTER + PADDING)));
  });
}
