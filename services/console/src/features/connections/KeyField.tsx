import { SecretName, type StoredSecret } from "@postern/client";
import { type KeyField as KeyName, parseProjectUrl, recogniseKey } from "@postern/client/rules";
import { ExternalLink } from "lucide-react";
import { useTranslation } from "react-i18next";
import { dashboardLink } from "./dashboard";
import { KeySortTag } from "./KeyTag";
import { sortOf } from "./keySort";
import { SecretField } from "./SecretField";
import { endpointChanged, keyFields, keyProblem, refOf } from "./supabaseDraft";
import type { SupabaseForm } from "./useForms";
import { useProblemText } from "./useProblemText";

interface Props {
  form: SupabaseForm;
  name: KeyName;
}

const secretNames = {
  publishable: SecretName.PUBLISHABLE_KEY,
  secret: SecretName.SECRET_KEY,
} as const;

/** One of a project's keys, which is recognised while it is typed. */
export function KeyField({ form, name }: Props) {
  const { t } = useTranslation();
  const { draft, connection, stored } = form;
  const field = keyFields[name];
  const kept = connection?.secrets.find((secret) => secret.name === secretNames[name]) ?? null;
  const typed = recogniseKey(draft[field].text);
  return (
    <SecretField
      label={t(`form.${field}`)}
      draft={draft[field]}
      onChange={(secret) => form.set(field, secret)}
      isStored={kept !== null}
      stored={kept}
      needed={draft[field].mode === "keep" && endpointChanged(draft, stored)}
      removable
      description={<WhereToFind form={form} name={name} />}
      error={useKeyProblem(form, name)}
      tag={<SortTag typed={typed} kept={draft[field].mode === "keep" ? kept : null} />}
    />
  );
}

interface SortProps {
  typed: ReturnType<typeof recogniseKey>;
  kept: StoredSecret | null;
}

function SortTag({ typed, kept }: SortProps) {
  const sort = typed.ok ? typed.value.sort : kept && sortOf(kept);
  return sort && <KeySortTag sort={sort} />;
}

/** Problems of a recognised key are shown while it is typed; that it isn't one yet, only on submit. */
function useKeyProblem(form: SupabaseForm, name: KeyName): string | undefined {
  const problemText = useProblemText();
  const { draft } = form;
  const { text } = draft[keyFields[name]];
  const found = text.trim() === "" ? null : keyProblem(draft, name);
  if (found === null || found === "key.UNRECOGNISED") return form.problem(keyFields[name]);
  return problemText(found, { key: text, ref: refOf(draft) });
}

/** Self-hosted projects have no dashboard of their own, but a file with the keys. */
function WhereToFind({ form, name }: Props) {
  const { t } = useTranslation();
  const project = parseProjectUrl(form.draft.url);
  if (project.ok && project.value.ref === null) return t(`form.selfHostedKey.${name}`);
  return (
    <a href={dashboardLink(refOf(form.draft), name)} target="_blank" rel="noreferrer">
      {t("form.keyLink")} <ExternalLink size={11} aria-hidden="true" />
    </a>
  );
}
