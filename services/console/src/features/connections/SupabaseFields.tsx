import { Checkbox, Radio, Switch, Textarea, TextInput } from "@mantine/core";
import { type KeyField as KeyName, parseProjectUrl } from "@postern/client/rules";
import { ExternalLink } from "lucide-react";
import { useTranslation } from "react-i18next";
import styles from "./ConnectionForm.module.css";
import { dashboardLink } from "./dashboard";
import { KeyField } from "./KeyField";
import { NameField } from "./NameField";
import { isGiven } from "./secretDraft";
import { keyFields, refOf, servingOf } from "./supabaseDraft";
import type { SupabaseForm } from "./useForms";

/** The inputs for a Supabase project. */
export function SupabaseFields({ form }: { form: SupabaseForm }) {
  const { t } = useTranslation();
  const { draft, set } = form;
  return (
    <>
      <NameField form={form} />
      <ProjectUrlField form={form} />
      <KeyField form={form} name="publishable" />
      <KeyField form={form} name="secret" />
      <ServingKey form={form} />
      <Switch
        label={t("form.readOnly")}
        description={t("form.readOnlyRequests")}
        checked={draft.readOnly}
        onChange={(event) => set("readOnly", event.currentTarget.checked)}
      />
      <Advanced form={form} />
    </>
  );
}

/** A dashboard's URL is replaced with the project's own when the field loses focus. */
function ProjectUrlField({ form }: { form: SupabaseForm }) {
  const { t } = useTranslation();
  const { url } = form.draft;
  const normalise = () => {
    const project = parseProjectUrl(url);
    if (project.ok && project.value.url !== url) form.set("url", project.value.url);
  };
  return (
    <TextInput
      label={t("form.url")}
      description={
        <a href={dashboardLink(refOf(form.draft), "url")} target="_blank" rel="noreferrer">
          {t("form.urlLink")} <ExternalLink size={11} aria-hidden="true" />
        </a>
      }
      placeholder="https://abcdefghijklmnopqrst.supabase.co"
      value={url}
      error={form.problem("url")}
      onChange={(event) => form.set("url", event.currentTarget.value)}
      onBlur={normalise}
      inputMode="url"
      autoComplete="off"
      spellCheck={false}
      required
      withAsterisk={false}
    />
  );
}

function ServingKey({ form }: { form: SupabaseForm }) {
  const { t } = useTranslation();
  const { draft } = form;
  const option = (key: KeyName) => (
    <Radio
      value={key}
      label={t(`form.serving.${key}`)}
      description={t(`form.servingHint.${key}`)}
      disabled={!isGiven(draft[keyFields[key]])}
    />
  );
  return (
    <Radio.Group
      label={t("form.servingKey")}
      value={servingOf(draft)}
      error={form.problem("serving")}
      onChange={(key) => form.set("serving", key === "secret" ? "secret" : "publishable")}
    >
      <div className={styles.options}>
        {option("publishable")}
        {option("secret")}
      </div>
    </Radio.Group>
  );
}

function Advanced({ form }: { form: SupabaseForm }) {
  const { t } = useTranslation();
  const { draft, set, problem } = form;
  const opened = problem("ca") !== undefined || problem("schema") !== undefined;
  return (
    <details className={styles.advanced} open={opened || undefined}>
      <summary>{t("form.advanced")}</summary>
      <div className={styles.advancedFields}>
        <fieldset className={styles.services}>
          <legend>{t("form.services")}</legend>
          {(["storage", "functions", "auth"] as const).map((service) => (
            <Checkbox
              key={service}
              size="xs"
              label={t(`form.service.${service}`)}
              checked={draft[service]}
              onChange={(event) => set(service, event.currentTarget.checked)}
            />
          ))}
        </fieldset>
        <TextInput
          label={t("form.schema")}
          placeholder="public"
          value={draft.schema}
          error={problem("schema")}
          onChange={(event) => set("schema", event.currentTarget.value)}
          autoComplete="off"
          spellCheck={false}
        />
        <Textarea
          label={t("form.ca")}
          description={t("form.caSelfHosted")}
          placeholder="-----BEGIN CERTIFICATE-----"
          rows={3}
          classNames={{ input: styles.mono ?? "" }}
          value={draft.ca}
          error={problem("ca")}
          onChange={(event) => set("ca", event.currentTarget.value)}
          spellCheck={false}
        />
        <Switch
          label={t("form.userTokens")}
          description={t("form.userTokensHint")}
          checked={draft.userTokens}
          onChange={(event) => set("userTokens", event.currentTarget.checked)}
        />
      </div>
    </details>
  );
}
