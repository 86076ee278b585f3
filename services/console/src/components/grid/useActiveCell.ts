import { type ClipboardEvent, type KeyboardEvent, useState } from "react";
import { cellText } from "./cellText";
import type { GridRows } from "./gridRows";

export interface ActiveCell {
  row: number;
  column: number;
}

const PAGE = 20;

/** How far each key moves, as [rows, columns]. Infinity moves to the end. */
const moves: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  PageUp: [-PAGE, 0],
  PageDown: [PAGE, 0],
  Home: [0, Number.NEGATIVE_INFINITY],
  End: [0, Number.POSITIVE_INFINITY],
};

/** The cell selected with the keyboard. Copying it copies the full value, even if shortened on screen. */
export function useActiveCell(rows: GridRows, count: number, reveal: (cell: ActiveCell) => void) {
  const [active, setActive] = useState<ActiveCell | null>(null);

  const onKeyDown = (event: KeyboardEvent) => {
    const move = moves[event.key];
    if (!move || count === 0 || event.metaKey || event.ctrlKey || event.altKey) return;
    event.preventDefault();
    const [down, right] = active === null ? [0, 0] : move;
    const next = {
      row: clamp((active?.row ?? 0) + down, count),
      column: clamp((active?.column ?? 0) + right, rows.columns.length),
    };
    setActive(next);
    reveal(next);
  };

  const onCopy = (event: ClipboardEvent) => {
    const marked = window.getSelection()?.toString() ?? "";
    if (active === null || marked !== "") return;
    event.preventDefault();
    event.clipboardData.setData("text/plain", cellText(rows.cell(active.row, active.column)));
  };

  return { active, setActive, onKeyDown, onCopy };
}

function clamp(value: number, length: number): number {
  return Math.max(0, Math.min(length - 1, value));
}
