import type { ReactNode } from "react";
import styles from "./Page.module.css";

interface Props {
  title: string;
  /** What stands beside the title. */
  beside?: ReactNode;
  children: ReactNode;
}

/** A page of its own: a bar with the title, and below it what scrolls. */
export function Page({ title, beside, children }: Props) {
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <h1 className={styles.title}>{title}</h1>
        {beside}
      </header>
      <div className={styles.body}>{children}</div>
    </div>
  );
}
