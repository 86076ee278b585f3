import { shownText } from "./cellText";
import type { GridRows } from "./gridRows";

/** In pixels: the width of one monospace character at the grid's font size, and a cell's padding. */
const CHARACTER = 7.3;
const PADDING = 26;
const NARROWEST = 64;
const WIDEST = 380;
/** Rows to measure. A fixed sample keeps widths stable while more rows arrive. */
const SAMPLE = 100;

/** The width of each column, in pixels. */
export function columnWidths(rows: GridRows, count: number): number[] {
  const sampled = Math.min(count, SAMPLE);
  return rows.columns.map((column, index) => {
    let characters = Math.max(column.name.length, column.typeName.length);
    for (let row = 0; row < sampled; row += 1) {
      characters = Math.max(characters, shownText(rows.cell(row, index)).length);
    }
    return Math.round(Math.min(WIDEST, Math.max(NARROWEST, characters * CHARACTER + PADDING)));
  });
}
