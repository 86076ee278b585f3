import type { Cell } from "@postern/client";
import { memo } from "react";
import { isNumeric, shownText } from "./cellText";
import type { GridColumn, GridRows } from "./gridRows";
import { cellId } from "./ResultGrid";
import styles from "./ResultGrid.module.css";
import type { ActiveCell } from "./useActiveCell";

interface Props {
  rows: GridRows;
  index: number;
  top: number;
  widths: readonly number[];
  gutter: number;
  activeColumn: number | null;
  onActivate: (cell: ActiveCell) => void;
}

/** Rows are immutable, so a row renders again only when its position or active cell changes. */
export const GridRow = memo(function GridRow(props: Props) {
  const { rows, index, top, widths, gutter, activeColumn, onActivate } = props;
  return (
    <div
      className={styles.row}
      style={{ transform: `translateY(${top}px)` }}
      role="row"
      aria-rowindex={index + 2}
    >
      <div className={styles.gutter} style={{ width: gutter }} role="rowheader">
        {index + 1}
      </div>
      {rows.columns.map((column, columnIndex) => {
        const cell = rows.cell(index, columnIndex);
        return (
          <div
            key={columnIndex}
            id={cellId({ row: index, column: columnIndex })}
            role="gridcell"
            aria-colindex={columnIndex + 2}
            aria-selected={activeColumn === columnIndex}
            className={classOf(cell, column, activeColumn === columnIndex)}
            style={{ width: widths[columnIndex] }}
            onClick={() => onActivate({ row: index, column: columnIndex })}
          >
            {cell === null ? "NULL" : shownText(cell)}
          </div>
        );
      })}
    </div>
  );
});

function classOf(cell: Cell, column: GridColumn, active: boolean): string {
  const classes = [styles.cell];
  if (isNumeric(column)) classes.push(styles.number);
  if (cell === null) classes.push(styles.null);
  if (typeof cell === "boolean") classes.push(styles.bool);
  if (active) classes.push(styles.active);
  return classes.join(" ");
}
