import { CircleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { PosternError } from "../client";
import styles from "./ErrorNote.module.css";
import { useErrorTitle } from "./errorTitle";

/** A failure: what it is in the person's language, what the server said, and what can be done about it. */
export function ErrorNote({ error, children }: { error: PosternError; children?: ReactNode }) {
  const { t } = useTranslation();
  const title = useErrorTitle()(error);
  const { sql } = error;
  const hint = sql?.hint || error.hint;
  return (
    <div className={styles.note} role="alert">
      <CircleAlert size={16} className={styles.icon} aria-hidden="true" />
      <div className={styles.title}>
        <span>{title}</span>
        {sql && <span className={styles.code}>{t("error.sqlstate", { code: sql.sqlstate })}</span>}
      </div>
      <p className={`${styles.body} ${sql ? styles.mono : ""}`}>{sql?.message || error.message}</p>
      {sql?.detail && <Labelled label={t("error.detail")} text={sql.detail} />}
      {hint && <Labelled label={t("error.hint")} text={hint} />}
      {children && <div className={styles.actions}>{children}</div>}
    </div>
  );
}

function Labelled({ label, text }: { label: string; text: string }) {
  return (
    <p className={styles.body}>
      <span className={styles.label}>{label}:</span> {text}
    </p>
  );
}
