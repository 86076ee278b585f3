import { en, ru, type Session, type SessionState } from "@postern/session";
import { SignIn } from "@postern/session/react";
import { type ReactNode, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Preferences } from "../../app/Preferences";
import type { Language } from "../../i18n";
import { Logo } from "../../theme";
import { parts } from "./parts";
import styles from "./SignInPage.module.css";

const texts = { en, ru };

interface Props {
  session: Session;
  state: SessionState;
}

export function SignInPage({ session, state }: Props) {
  const { t, i18n } = useTranslation();
  const page = (
    <div className={styles.page}>
      <main className={styles.card}>
        <Logo size={36} />
        <h1 className={styles.title}>{t("signIn.title")}</h1>
        <p className={styles.promise}>{t("app.promise")}</p>
        <div className={styles.form}>
          <SignIn
            session={session}
            state={state}
            texts={texts[i18n.language as Language]}
            parts={parts}
          />
        </div>
      </main>
      <footer className={styles.foot}>
        <Preferences />
      </footer>
    </div>
  );
  return state.user === null ? page : <Covering label={t("signIn.title")}>{page}</Covering>;
}

/** Covers the app, which goes on behind it: a modal dialog makes everything else inert, open drawers included. */
function Covering({ label, children }: { label: string; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      className={styles.covering}
      aria-label={label}
      onCancel={(event) => event.preventDefault()}
    >
      {children}
    </dialog>
  );
}
