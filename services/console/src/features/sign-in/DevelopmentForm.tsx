import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import styles from "./SignInPage.module.css";
import { type Session, SignInRefused } from "./session";

const USER = /^[A-Za-z0-9._@-]{1,64}$/;

type Problem = "badName" | "noConfig" | { status: number } | null;

export function DevelopmentForm({ session }: { session: Session }) {
  const { t } = useTranslation();
  const [user, setUser] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>(null);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!USER.test(user)) return setProblem("badName");
    setBusy(true);
    try {
      await session.signIn(user);
    } catch (thrown) {
      setBusy(false);
      setProblem(thrown instanceof SignInRefused ? { status: thrown.status } : "noConfig");
    }
  };

  const message =
    typeof problem === "string" ? t(`signIn.${problem}`) : problem && t("signIn.refused", problem);
  return (
    <form className={styles.form} style={{ marginTop: 0 }} onSubmit={submit} noValidate>
      <TextInput
        label={t("signIn.user")}
        placeholder={t("signIn.placeholder")}
        size="sm"
        value={user}
        error={message}
        onChange={({ currentTarget }) => {
          setUser(currentTarget.value);
          setProblem(null);
        }}
        autoComplete="username"
        spellCheck={false}
        autoFocus
      />
      <Button type="submit" size="sm" loading={busy} fullWidth>
        {t("signIn.submit")}
      </Button>
      <p className={styles.note}>{t("signIn.development")}</p>
    </form>
  );
}
