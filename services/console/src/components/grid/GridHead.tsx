import { VisuallyHidden } from "@mantine/core";
import { isNumeric } from "./cellText";
import type { GridColumn } from "./gridRows";
import styles from "./ResultGrid.module.css";

interface Props {
  columns: readonly GridColumn[];
  widths: readonly number[];
  gutter: number;
  corner: string;
}

export function GridHead({ columns, widths, gutter, corner }: Props) {
  return (
    <div className={styles.head} role="row" aria-rowindex={1}>
      <div className={styles.gutter} style={{ width: gutter }} role="columnheader">
        <VisuallyHidden>{corner}</VisuallyHidden>
      </div>
      {columns.map((column, index) => (
        <div
          key={index}
          role="columnheader"
          aria-colindex={index + 2}
          className={`${styles.column} ${isNumeric(column) ? styles.number : ""}`}
          style={{ width: widths[index] }}
          title={`${column.name} ${column.typeName}`}
        >
          <span className={styles.name}>{column.name}</span>
          <span className={styles.type}>{column.typeName}</span>
        </div>
      ))}
    </div>
  );
}
