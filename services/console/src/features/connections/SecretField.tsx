import { Button, Input, TextInput } from "@mantine/core";
import type { StoredSecret } from "@postern/client";
import { type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";
import styles from "./ConnectionForm.module.css";
import { maskOf } from "./keySort";
import { entered, type SecretDraft, storedSecret } from "./secretDraft";

interface Props {
  label: string;
  draft: SecretDraft;
  onChange: (draft: SecretDraft) => void;
  /** Whether the connection that is edited has this secret. */
  isStored: boolean;
  stored: StoredSecret | null;
  /** Whether the stored secret can't be kept. */
  needed?: boolean;
  removable?: boolean;
  description?: ReactNode;
  error: string | undefined;
  required?: boolean;
  /** The sort of the key, shown beside the label. */
  tag?: ReactNode;
}

/** A secret: an input, or for a stored one, that it is set, and actions to replace or remove it. */
export function SecretField(props: Props) {
  const { draft, isStored, needed = false } = props;
  return isStored && !needed && draft.mode !== "enter" ? (
    <StoredSecretField {...props} />
  ) : (
    <SecretInput {...props} />
  );
}

function StoredSecretField({ label, draft, onChange, stored, removable, tag, error }: Props) {
  const { t } = useTranslation();
  const labelId = useId();
  const removed = draft.mode === "remove";
  return (
    <Input.Wrapper
      label={label}
      error={error}
      labelElement="div"
      labelProps={{ id: labelId }}
      role="group"
      aria-labelledby={labelId}
    >
      <div className={styles.secret}>
        <span className={styles.mask}>
          {removed ? t("form.secretRemoved") : <code>{maskOf(stored)}</code>}
        </span>
        {!removed && tag}
        <Button
          variant="default"
          size="compact-xs"
          aria-label={`${t("form.replace")}: ${label}`}
          onClick={() => onChange(entered(""))}
        >
          {t("form.replace")}
        </Button>
        {removable && (
          <Button
            variant="default"
            size="compact-xs"
            aria-label={`${removed ? t("form.keep") : t("form.remove")}: ${label}`}
            onClick={() => onChange(removed ? storedSecret : { mode: "remove", text: "" })}
          >
            {removed ? t("form.keep") : t("form.remove")}
          </Button>
        )}
      </div>
    </Input.Wrapper>
  );
}

function SecretInput(props: Props) {
  const { label, draft, onChange, isStored, needed = false, required = false } = props;
  const { t } = useTranslation();
  return (
    <div>
      <TextInput
        label={label}
        description={props.description}
        type="password"
        autoComplete="new-password"
        spellCheck={false}
        value={draft.text}
        error={props.error}
        required={required}
        withAsterisk={false}
        onChange={(event) => onChange(entered(event.currentTarget.value))}
      />
      <div className={styles.below}>
        {props.tag}
        {isStored && !needed && (
          <Button
            variant="subtle"
            size="compact-xs"
            aria-label={`${t("form.keep")}: ${label}`}
            onClick={() => onChange(storedSecret)}
          >
            {t("form.keep")}
          </Button>
        )}
      </div>
    </div>
  );
}
