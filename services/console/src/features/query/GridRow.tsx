import { memo } from "react";
import type { Cell, Column, Rows } from "../../client";
import { isNumeric, shownText } from "./cellText";
import { cellId } from "./ResultGrid";
import styles from "./ResultGrid.module.css";
import type { ActiveCell } from "./useActiveCell";

interface Props {
  rows: Rows;
  index: number;
  top: number;
  widths: readonly number[];
  gutter: number;
  activeColumn: number | null;
  onActivate: (cell: ActiveCell) => void;
}

/** A row never changes once it has arrived, so it renders again only when its place or mark does. */
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
      {rows.columns.map((column, place) => {
        const cell = rows.cell(index, place);
        return (
          <div
            key={place}
            id={cellId({ row: index, column: place })}
            role="gridcell"
            aria-colindex={place + 2}
            aria-selected={activeColumn === place}
            className={classOf(cell, column, activeColumn === place)}
            style={{ width: widths[place] }}
            onClick={() => onActivate({ row: index, column: place })}
          >
            {cell === null ? "NULL" : shownText(cell)}
          </div>
        );
      })}
    </div>
  );
});

function classOf(cell: Cell, column: Column, active: boolean): string {
  const classes = [styles.cell];
  if (isNumeric(column)) classes.push(styles.number);
  if (cell === null) classes.push(styles.null);
  if (typeof cell === "boolean") classes.push(styles.bool);
  if (active) classes.push(styles.active);
  return classes.join(" ");
}
