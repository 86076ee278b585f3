import { Button, SegmentedControl } from "@mantine/core";
import type { Connection } from "@postern/client";
import type { Paste } from "@postern/client/rules";
import { useTranslation } from "react-i18next";
import { type TenantKind, tenantKinds } from "../../app/search";
import styles from "./ConnectionForm.module.css";
import { PasteField, type PasteOutcome } from "./PasteField";
import { PostgresFields } from "./PostgresFields";
import { fillFrom } from "./postgresDraft";
import { SaveProblem } from "./SaveProblem";
import { SupabaseFields } from "./SupabaseFields";
import { fillFromKey, fillFromProject } from "./supabaseDraft";
import { type PostgresForm, type SupabaseForm, usePostgresForm, useSupabaseForm } from "./useForms";

interface Props {
  /** The connection to edit; null to add one. */
  connection: Connection | null;
  kind: TenantKind;
  onKind: (kind: TenantKind) => void;
  onSaved: (connection: Connection) => void;
  onCancel: () => void;
  onReload: () => void;
}

/** Adds or edits a connection. Each kind of tenant has a draft of its own, which changing the kind keeps. */
export function ConnectionForm(props: Props) {
  const { connection, kind, onKind, onSaved } = props;
  const { t } = useTranslation();
  const isNew = connection === null;
  const postgres = usePostgresForm(connection, onSaved);
  const supabase = useSupabaseForm(connection, onSaved);
  const form = kind === "postgres" ? postgres : supabase;

  const take = (paste: Paste, text: string): PasteOutcome | null => {
    const pasted: TenantKind = paste.kind === "dsn" ? "postgres" : "supabase";
    if (!isNew && pasted !== kind) return null;
    if (pasted !== kind) onKind(pasted);
    return paste.kind === "dsn"
      ? fillDatabase(postgres, paste)
      : fillProject(supabase, paste, text);
  };

  return (
    <form className={styles.form} noValidate onSubmit={form.submit}>
      <div className={styles.fields}>
        <div className={styles.paste}>
          <PasteField onTake={take} />
          {isNew && <KindControl kind={kind} onKind={onKind} />}
        </div>
        {kind === "postgres" ? (
          <PostgresFields form={postgres} />
        ) : (
          <SupabaseFields form={supabase} />
        )}
      </div>
      <div className={styles.footer}>
        {form.error && <SaveProblem error={form.error} isNew={isNew} onReload={props.onReload} />}
        <div className={styles.buttons}>
          <Button variant="default" onClick={props.onCancel}>
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

function fillDatabase(
  form: PostgresForm,
  { parsed }: Paste & { kind: "dsn" },
): PasteOutcome | null {
  if (!parsed.ok) return null;
  form.fill(fillFrom(form.draft, parsed.value));
  return parsed.value.password === null ? "filledNoPassword" : "filled";
}

function fillProject(
  form: SupabaseForm,
  paste: Exclude<Paste, { kind: "dsn" }>,
  text: string,
): PasteOutcome | null {
  if (paste.kind === "key") {
    form.fill(fillFromKey(form.draft, text));
    return "filledKey";
  }
  if (!paste.parsed.ok) return null;
  form.fill(fillFromProject(form.draft, paste.parsed.value));
  return "filledProject";
}

function KindControl({ kind, onKind }: Pick<Props, "kind" | "onKind">) {
  const { t } = useTranslation();
  return (
    <SegmentedControl
      fullWidth
      aria-label={t("form.kind")}
      value={kind}
      onChange={onKind}
      data={tenantKinds.map((value) => ({ value, label: t(`connections.kind.${value}`) }))}
    />
  );
}
