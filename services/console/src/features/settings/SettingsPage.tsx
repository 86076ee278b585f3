import { useTranslation } from "react-i18next";
import styles from "./SettingsPage.module.css";
import { UserDataSection } from "./UserDataSection";

export function SettingsPage() {
  const { t } = useTranslation();
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <h1 className={styles.title}>{t("settings.title")}</h1>
      </header>
      <div className={styles.body}>
        <UserDataSection />
      </div>
    </div>
  );
}
