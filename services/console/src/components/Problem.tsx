import { CircleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import styles from "./ErrorNote.module.css";

interface Props {
  title: string;
  code?: string;
  message: string;
  /** Whether the message is another program's, shown as it was sent. */
  verbatim?: boolean;
  detail?: string;
  hints?: readonly string[];
  notes?: readonly string[];
  requestId?: ReactNode;
  children?: ReactNode;
}

/** A problem and what the user can do about it. Empty texts are left out. */
export function Problem(props: Props) {
  const { t } = useTranslation();
  const { title, code = "", message, verbatim, detail = "", hints = [], notes = [] } = props;
  return (
    <div className={styles.note} role="alert">
      <CircleAlert size={16} className={styles.icon} aria-hidden="true" />
      <div className={styles.title}>
        <span>{title}</span>
        {code !== "" && <span className={styles.code}>{code}</span>}
      </div>
      <p className={`${styles.body} ${verbatim ? styles.mono : ""}`}>{message}</p>
      <Labelled label={t("error.detail")} text={detail} />
      {[...new Set(hints)].map((hint) => (
        <Labelled key={hint} label={t("error.hint")} text={hint} />
      ))}
      {notes.map((note) => (
        <p key={note} className={styles.body}>
          {note}
        </p>
      ))}
      <Labelled label={t("error.requestId")} text={props.requestId} />
      {props.children && <div className={styles.actions}>{props.children}</div>}
    </div>
  );
}

function Labelled({ label, text }: { label: string; text: ReactNode }) {
  if (!text) return null;
  return (
    <p className={styles.body}>
      <span className={styles.label}>{label}:</span> {text}
    </p>
  );
}
