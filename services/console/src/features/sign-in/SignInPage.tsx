import { Skeleton } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Preferences } from "../../app/Preferences";
import { Logo } from "../../theme";
import { loadConfig, UnknownSignIn } from "./config";
import { DevelopmentForm } from "./DevelopmentForm";
import styles from "./SignInPage.module.css";
import type { Session } from "./session";

interface Props {
  session: Session;
  fetcher: typeof fetch;
}

export function SignInPage({ session, fetcher }: Props) {
  const { t } = useTranslation();
  const { expired } = session.snapshot();
  return (
    <div className={styles.page}>
      <main className={styles.card}>
        <Logo size={36} />
        <h1 className={styles.title}>{t("signIn.title")}</h1>
        <p className={styles.promise}>{t("app.promise")}</p>
        <div className={styles.form}>
          {expired && (
            <p className={styles.expired} role="status">
              {t("signIn.expired")}
            </p>
          )}
          <Configured fetcher={fetcher}>
            <DevelopmentForm session={session} />
          </Configured>
        </div>
      </main>
      <footer className={styles.foot}>
        <Preferences />
      </footer>
    </div>
  );
}

type Configuration = "loading" | "development" | "unknown" | "silent";

/** Shows the sign-in form only after the server has confirmed that it supports it. */
function Configured({ fetcher, children }: { fetcher: typeof fetch; children: ReactNode }) {
  const { t } = useTranslation();
  const [configuration, setConfiguration] = useState<Configuration>("loading");
  useEffect(() => {
    let wanted = true;
    loadConfig(fetcher).then(
      ({ signIn }) => wanted && setConfiguration(signIn),
      (thrown) =>
        wanted && setConfiguration(thrown instanceof UnknownSignIn ? "unknown" : "silent"),
    );
    return () => {
      wanted = false;
    };
  }, [fetcher]);

  if (configuration === "development") return children;
  if (configuration === "loading") return <Skeleton height={96} />;
  return (
    <p className={styles.trouble} role="alert">
      {configuration === "unknown" ? t("signIn.unknownMethod") : t("signIn.noConfig")}
    </p>
  );
}
