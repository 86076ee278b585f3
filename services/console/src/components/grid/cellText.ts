import { type Cell, Encoding } from "@postern/client";
import type { GridColumn } from "./gridRows";

/** Longer text is truncated for display; copying a cell copies all of it. */
const MAX_SHOWN = 400;

/** A value formatted as Postgres does. NULL is the empty string. */
export function cellText(cell: Cell): string {
  if (cell === null) return "";
  if (cell instanceof Uint8Array) return bytesText(cell, cell.length);
  if (typeof cell === "number") return numberText(cell);
  return String(cell);
}

/** The same on one line, shortened for display. */
export function shownText(cell: Cell): string {
  if (cell instanceof Uint8Array) return bytesText(cell, MAX_SHOWN / 2);
  const text = cellText(cell);
  const cut = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
  return cut.replace(/\r?\n/g, " ↵ ").replaceAll("\t", " ⇥ ");
}

function bytesText(bytes: Uint8Array, most: number): string {
  let hex = "\\x";
  for (const byte of bytes.subarray(0, most)) hex += byte.toString(16).padStart(2, "0");
  return bytes.length > most ? `${hex}…` : hex;
}

/** Keeps the sign of negative zero, as Postgres does and String() does not. */
function numberText(number: number): string {
  return Object.is(number, -0) ? "-0" : String(number);
}

const DECIMALS = new Set(["numeric", "money"]);

export function isNumeric({ encoding, typeName }: GridColumn): boolean {
  return encoding === Encoding.INT || encoding === Encoding.DOUBLE || DECIMALS.has(typeName);
}
