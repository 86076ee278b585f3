import { Button, NativeSelect, Switch, Textarea, TextInput } from "@mantine/core";
import type { Connection } from "@postern/client";
import { POSTGRES_PORT } from "@postern/client/rules";
import { useTranslation } from "react-i18next";
import styles from "./ConnectionForm.module.css";
import { DsnField } from "./DsnField";
import type { DraftField } from "./draft";
import { SaveProblem } from "./SaveProblem";
import { useConnectionForm } from "./useConnectionForm";

interface Props {
  /** The connection to edit; null to add one. */
  connection: Connection | null;
  onSaved: (name: string) => void;
  onCancel: () => void;
  onReload: () => void;
}

export function ConnectionForm({ connection, onSaved, onCancel, onReload }: Props) {
  const { t } = useTranslation();
  const form = useConnectionForm(connection, onSaved);
  const { draft, set } = form;
  const isNew = connection === null;

  const problem = (field: DraftField) => {
    const known = form.problems[field];
    if (known === "passwordAgain") return t("form.passwordAgain");
    if (known) return t(`problem.${known}`);
    return form.refusedField === field ? form.error?.message : undefined;
  };

  const text = (field: Exclude<DraftField, "readOnly" | "tls">) => ({
    label: t(`form.${field}`),
    value: draft[field],
    error: problem(field),
    autoComplete: "off",
    spellCheck: false,
    onChange: (event: { currentTarget: { value: string } }) =>
      set(field, event.currentTarget.value),
  });

  return (
    <form
      className={styles.form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void form.submit();
      }}
    >
      <div className={styles.fields}>
        <div className={styles.paste}>
          <DsnField onRead={form.fill} />
        </div>
        <TextInput
          {...text("name")}
          description={isNew ? t("form.nameHint") : undefined}
          readOnly={!isNew}
          variant={isNew ? "default" : "filled"}
          required
          withAsterisk={false}
        />
        <div className={`${styles.pair} ${styles.hostPort}`}>
          <TextInput {...text("host")} required withAsterisk={false} />
          <TextInput {...text("port")} placeholder={String(POSTGRES_PORT)} inputMode="numeric" />
        </div>
        <div className={styles.pair}>
          <TextInput {...text("user")} required withAsterisk={false} />
          <TextInput {...text("database")} placeholder={draft.user || t("form.databaseHint")} />
        </div>
        <TextInput
          {...text("password")}
          type="password"
          autoComplete="new-password"
          description={passwordHint(isNew, form.passwordNeeded, t)}
          required={form.passwordNeeded}
          withAsterisk={false}
        />
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
      </div>
      <div className={styles.footer}>
        {form.error && <SaveProblem error={form.error} isNew={isNew} onReload={onReload} />}
        <div className={styles.buttons}>
          <Button variant="default" onClick={onCancel}>
            {t("app.cancel")}
          </Button>
          <Button type="submit" loading={form.saving}>
            {isNew ? t("form.create") : t("form.save")}
          </Button>
        </div>
      </div>
    </form>
  );
}

type Translate = ReturnType<typeof useTranslation>["t"];

function passwordHint(isNew: boolean, needed: boolean, t: Translate): string {
  if (isNew) return t("form.passwordNew");
  return needed ? t("form.passwordAgain") : t("form.passwordKept");
}
