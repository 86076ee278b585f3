import { type Cell, type Column, Encoding } from "../../client";

/** Longer texts are cut on screen; copying a cell still takes all of it. */
const MOST_SHOWN = 400;

/** A value as Postgres would write it. NULL has no text. */
export function cellText(cell: Cell): string {
  if (cell === null) return "";
  if (cell instanceof Uint8Array) return bytesText(cell, cell.length);
  if (typeof cell === "number") return numberText(cell);
  return String(cell);
}

/** The same on one line, and no longer than a cell can show. */
export function shownText(cell: Cell): string {
  if (cell instanceof Uint8Array) return bytesText(cell, MOST_SHOWN / 2);
  const text = cellText(cell);
  const cut = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
  return cut.replace(/\r?\n/g, " ↵ ").replaceAll("\t", " ⇥ ");
}

function bytesText(bytes: Uint8Array, most: number): string {
  let hex = "\\x";
  for (const byte of bytes.subarray(0, most)) hex += byte.toString(16).padStart(2, "0");
  return bytes.length > most ? `${hex}…` : hex;
}

/** JavaScript drops the sign of a negative zero; Postgres keeps it. */
function numberText(number: number): string {
  return Object.is(number, -0) ? "-0" : String(number);
}

const DECIMALS = new Set(["numeric", "money"]);

export function isNumeric({ encoding, typeName }: Column): boolean {
  return encoding === Encoding.INT || encoding === Encoding.DOUBLE || DECIMALS.has(typeName);
}
