import { NativeSelect, Switch, Textarea, TextInput } from "@mantine/core";
import { SecretName } from "@postern/client";
import { POSTGRES_PORT } from "@postern/client/rules";
import { useTranslation } from "react-i18next";
import styles from "./ConnectionForm.module.css";
import { NameField } from "./NameField";
import { needsPassword } from "./postgresDraft";
import { SecretField } from "./SecretField";
import type { PostgresForm } from "./useForms";

type TextField = "host" | "port" | "user" | "database" | "ca";

/** The inputs for a Postgres database. */
export function PostgresFields({ form }: { form: PostgresForm }) {
  const { t } = useTranslation();
  const { draft, set, problem } = form;
  const text = (field: TextField) => ({
    label: t(`form.${field}`),
    value: draft[field],
    error: problem(field),
    autoComplete: "off",
    spellCheck: false,
    onChange: (event: { currentTarget: { value: string } }) =>
      set(field, event.currentTarget.value),
  });
  return (
    <>
      <NameField form={form} />
      <div className={`${styles.pair} ${styles.hostPort}`}>
        <TextInput {...text("host")} required withAsterisk={false} />
        <TextInput {...text("port")} placeholder={String(POSTGRES_PORT)} inputMode="numeric" />
      </div>
      <div className={styles.pair}>
        <TextInput {...text("user")} required withAsterisk={false} />
        <TextInput {...text("database")} placeholder={draft.user || t("form.databaseHint")} />
      </div>
      <Password form={form} />
      <NativeSelect
        label={t("form.tls")}
        value={draft.tls}
        error={problem("tls")}
        onChange={(event) =>
          set("tls", event.currentTarget.value === "disable" ? "disable" : "verify")
        }
        data={[
          { value: "verify", label: t("form.tlsVerify") },
          { value: "disable", label: t("form.tlsDisable") },
        ]}
      />
      {draft.tls === "verify" && (
        <Textarea
          {...text("ca")}
          description={t("form.caHint")}
          placeholder="-----BEGIN CERTIFICATE-----"
          rows={3}
          classNames={{ input: styles.mono ?? "" }}
        />
      )}
      <Switch
        label={t("form.readOnly")}
        description={t("form.readOnlyHint")}
        checked={draft.readOnly}
        onChange={(event) => set("readOnly", event.currentTarget.checked)}
      />
    </>
  );
}

function Password({ form }: { form: PostgresForm }) {
  const { t } = useTranslation();
  const { draft, stored, connection } = form;
  const again = stored !== null && needsPassword(draft, stored);
  const kept = connection?.secrets.find(({ name }) => name === SecretName.PASSWORD) ?? null;
  return (
    <SecretField
      label={t("form.password")}
      draft={draft.password}
      onChange={(password) => form.set("password", password)}
      isStored={stored !== null}
      stored={kept}
      needed={again}
      description={again ? t("problem.passwordAgain") : t("form.passwordNew")}
      error={form.problem("password")}
      required={stored === null || again}
    />
  );
}
