import type { SessionState } from "@postern/session";
import { useTranslation } from "react-i18next";
import styles from "./SignInPage.module.css";

/** Says that the session cannot be renewed at the moment. */
export function RenewalProblem({ state: { phase, problem } }: { state: SessionState }) {
  const { t } = useTranslation();
  if (phase !== "signedIn" || problem === null) return null;
  return (
    <p className={styles.renewal} role="status">
      {t("signIn.renewalFails", { provider: problem.detail })}
    </p>
  );
}
