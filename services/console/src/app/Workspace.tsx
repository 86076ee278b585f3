import { useMatch, useParams } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Sidebar } from "./Sidebar";
import styles from "./Workspace.module.css";

interface Props {
  user: string;
  onSignOut: () => void;
  children: ReactNode;
}

/** The frame of every page: the sidebar and the page's content. */
export function Workspace({ user, onSignOut, children }: Props) {
  const { t } = useTranslation();
  useTitle();
  return (
    <div className={styles.workspace}>
      <a href="#content" className={styles.skip}>
        {t("app.skip")}
      </a>
      <Sidebar user={user} onSignOut={onSignOut} />
      <main id="content" className={styles.main} tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

function useTitle(): void {
  const { t } = useTranslation();
  const { name } = useParams({ strict: false });
  const settings = useMatch({ from: "/settings", shouldThrow: false });
  const subject = name ?? t(settings ? "settings.title" : "connections.title");
  useEffect(() => {
    document.title = `${subject} · Postern`;
    // After a sign-out, the title must not name a connection.
    return () => {
      document.title = "Postern";
    };
  }, [subject]);
}
