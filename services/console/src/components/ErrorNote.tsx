import { Code, type PosternError } from "@postern/client";
import { CircleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../i18n/format";
import styles from "./ErrorNote.module.css";
import { useErrorTitle } from "./errorTitle";
import { RequestId } from "./RequestId";

/** An error: a translated title, the server's message, and what the user can do about it. */
export function ErrorNote({ error, children }: { error: PosternError; children?: ReactNode }) {
  const { t } = useTranslation();
  const title = useErrorTitle()(error);
  const format = useFormat();
  const { sql, retryAfter, requestId } = error;
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
      {retryAfter !== undefined && (
        <p className={styles.body}>
          {t("error.retryAfter", { time: format.duration(retryAfter) })}
        </p>
      )}
      {requestId !== undefined && needsOperator(error) && (
        <p className={styles.body}>
          <span className={styles.label}>{t("error.requestId")}:</span> <RequestId id={requestId} />
        </p>
      )}
      {children && <div className={styles.actions}>{children}</div>}
    </div>
  );
}

/** An operator can find the cause of these errors in the logs, by request ID. */
function needsOperator({ code }: PosternError): boolean {
  return code === Code.Internal || code === Code.Unavailable;
}

function Labelled({ label, text }: { label: string; text: string }) {
  return (
    <p className={styles.body}>
      <span className={styles.label}>{label}:</span> {text}
    </p>
  );
}
