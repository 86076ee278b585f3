import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import { columnWidths } from "./columnWidths";
import { GridHead } from "./GridHead";
import { GridRow } from "./GridRow";
import type { GridRows } from "./gridRows";
import styles from "./ResultGrid.module.css";
import { type ActiveCell, useActiveCell } from "./useActiveCell";

export const ROW_HEIGHT = 28;
const HEAD_HEIGHT = 42;

interface Props {
  rows: GridRows;
  /** Rows received so far; it grows while `rows` stays the same object. */
  count: number;
  label: string;
}

/** A virtualized grid: only visible rows are rendered, and only their cells are decoded. */
export function ResultGrid({ rows, count, label }: Props) {
  const { t } = useTranslation();
  const scroller = useRef<HTMLDivElement>(null);
  const widths = useStableWidths(rows, count);
  const gutter = 30 + String(count).length * 7.3;
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
    scrollPaddingStart: HEAD_HEIGHT,
    initialRect: { width: 1000, height: 600 },
  });
  const reveal = ({ row, column }: ActiveCell) => {
    virtual.scrollToIndex(row);
    revealColumn(scroller.current, widths, column, gutter);
  };
  const { active, setActive, onKeyDown, onCopy } = useActiveCell(rows, count, reveal);
  return (
    <div className={styles.frame}>
      <div
        ref={scroller}
        className={styles.grid}
        role="grid"
        aria-label={label}
        aria-rowcount={count + 1}
        aria-colcount={rows.columns.length + 1}
        aria-activedescendant={active ? cellId(active) : undefined}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onCopy={onCopy}
      >
        <div
          className={styles.inner}
          style={{ height: virtual.getTotalSize() + HEAD_HEIGHT }}
          role="rowgroup"
        >
          <GridHead
            columns={rows.columns}
            widths={widths}
            gutter={gutter}
            corner={t("query.rowNumber")}
          />
          {virtual.getVirtualItems().map(({ index, start }) => (
            <GridRow
              key={index}
              rows={rows}
              index={index}
              top={start + HEAD_HEIGHT}
              widths={widths}
              gutter={gutter}
              activeColumn={active?.row === index ? active.column : null}
              onActivate={setActive}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

export function cellId({ row, column }: ActiveCell): string {
  return `cell-${row}-${column}`;
}

/** Widths depend on the first rows only, so they do not change as more arrive. */
function useStableWidths(rows: GridRows, count: number): number[] {
  const sampled = Math.min(count, 100);
  return useMemo(() => columnWidths(rows, sampled), [rows, sampled]);
}

function revealColumn(
  scroller: HTMLElement | null,
  widths: number[],
  column: number,
  gutter: number,
) {
  if (scroller === null) return;
  const left = widths.slice(0, column).reduce((sum, width) => sum + width, 0);
  const right = left + (widths[column] ?? 0) + gutter;
  if (left < scroller.scrollLeft) scroller.scrollLeft = left;
  else if (right > scroller.scrollLeft + scroller.clientWidth) {
    scroller.scrollLeft = right - scroller.clientWidth;
  }
}
