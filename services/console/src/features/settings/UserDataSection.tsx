import { Button } from "@mantine/core";
import type { ErasedData, PosternError } from "@postern/client";
import { Download, Trash2 } from "lucide-react";
import { type ReactNode, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorNote } from "../../components/ErrorNote";
import { EraseDialog } from "./EraseDialog";
import styles from "./UserDataSection.module.css";
import { useExportData } from "./useUserData";

/** What is stored about the user: to be downloaded, and to be deleted. */
export function UserDataSection() {
  const { t } = useTranslation();
  const title = useId();
  return (
    <section className={styles.section} aria-labelledby={title}>
      <h2 id={title} className={styles.title}>
        {t("settings.yourData")}
      </h2>
      <p className={styles.intro}>{t("settings.yourDataText")}</p>
      <div className={styles.choices}>
        <ExportData />
        <EraseData />
      </div>
    </section>
  );
}

function ExportData() {
  const { t } = useTranslation();
  const exporting = useExportData();
  return (
    <Choice
      title={t("settings.export")}
      text={t("settings.exportText")}
      button={
        <Button
          variant="default"
          leftSection={<Download size={15} />}
          loading={exporting.isPending}
          onClick={() => exporting.mutate()}
        >
          {t("settings.export")}
        </Button>
      }
      error={exporting.error}
      done={exporting.data === undefined ? "" : t("settings.exported", { file: exporting.data })}
    />
  );
}

function EraseData() {
  const { t } = useTranslation();
  const [asking, setAsking] = useState(false);
  const [erased, setErased] = useState<ErasedData | null>(null);
  const ask = () => {
    setErased(null);
    setAsking(true);
  };
  const finish = (data: ErasedData) => {
    setErased(data);
    setAsking(false);
  };
  return (
    <Choice
      title={t("settings.erase")}
      text={t("settings.eraseText")}
      button={
        <Button
          variant="default"
          className={styles.danger}
          leftSection={<Trash2 size={15} />}
          onClick={ask}
        >
          {t("settings.erase")}
        </Button>
      }
      error={null}
      done={erased === null ? "" : t("settings.erased", { count: erased.connections.length })}
    >
      <EraseDialog opened={asking} onErased={finish} onClose={() => setAsking(false)} />
    </Choice>
  );
}

interface ChoiceProps {
  title: string;
  text: string;
  button: ReactNode;
  error: PosternError | null;
  /** What was done; empty before. */
  done: string;
  children?: ReactNode;
}

function Choice({ title, text, button, error, done, children }: ChoiceProps) {
  return (
    <div className={styles.choice}>
      <div>
        <h3>{title}</h3>
        <p>{text}</p>
      </div>
      {button}
      {/* Present from the start, so that screen readers announce what appears in it. */}
      <div className={styles.result} role="status">
        {done}
      </div>
      {error && (
        <div className={styles.result}>
          <ErrorNote error={error} />
        </div>
      )}
      {children}
    </div>
  );
}
