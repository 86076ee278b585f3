import {
  Checkbox,
  NativeSelect,
  PasswordInput,
  SegmentedControl,
  Textarea,
  type TextareaProps,
  TextInput,
} from "@mantine/core";
import { useTranslation } from "react-i18next";
import { FilterRows } from "./FilterRows";
import styles from "./RequestPage.module.css";
import { canUpsert, counts, methodsFor, type RequestDraft, reads, takesBody } from "./request";

interface Props {
  draft: RequestDraft;
  readOnly: boolean;
  /** Whether requests may carry a user's own token of the project. */
  userTokens: boolean;
  onChange: (changed: Partial<RequestDraft>) => void;
}

/** The inputs of a request. */
export function RequestFields({ draft, readOnly, userTokens, onChange }: Props) {
  const { t } = useTranslation();
  const text = (field: "name" | "columns" | "order" | "limit" | "body" | "userToken") => ({
    value: draft[field],
    autoComplete: "off",
    spellCheck: false,
    onChange: (event: { currentTarget: { value: string } }) =>
      onChange({ [field]: event.currentTarget.value }),
  });
  const isRpc = draft.target === "rpc";
  const nameLabel = isRpc ? t("request.rpcName") : t("request.tableName");
  const readsRows = reads(draft) || isRpc;
  return (
    <div className={styles.fields}>
      <div className={styles.line}>
        <SegmentedControl
          aria-label={t("request.target")}
          value={draft.target}
          onChange={(target) => onChange({ target })}
          data={[
            { value: "table" as const, label: t("request.table") },
            { value: "rpc" as const, label: t("request.rpc") },
          ]}
        />
        <NativeSelect
          className={styles.method ?? ""}
          aria-label={t("request.method")}
          value={draft.method}
          onChange={(event) =>
            onChange({ method: event.currentTarget.value as RequestDraft["method"] })
          }
          data={[...methodsFor(draft.target, readOnly)]}
        />
        <TextInput
          {...text("name")}
          className={styles.wide ?? ""}
          aria-label={nameLabel}
          placeholder={nameLabel}
        />
      </div>
      <div className={styles.line}>
        <TextInput
          {...text("columns")}
          className={styles.wide ?? ""}
          label={t("request.columns")}
          placeholder="id,total,customer(name)"
        />
        {readsRows && (
          <>
            <TextInput
              {...text("order")}
              className={styles.wide ?? ""}
              label={t("request.order")}
              placeholder="placed_at.desc,id"
            />
            <TextInput
              {...text("limit")}
              className={styles.limit ?? ""}
              label={t("request.limit")}
              inputMode="numeric"
            />
          </>
        )}
      </div>
      <FilterRows filters={draft.filters} onChange={(filters) => onChange({ filters })} />
      <Body draft={draft} input={text("body")} />
      <Options draft={draft} onChange={onChange} />
      {userTokens && (
        <PasswordInput
          {...text("userToken")}
          label={t("request.userToken")}
          description={t("request.userTokenHint")}
        />
      )}
    </div>
  );
}

/** How rows are written and counted, and the format of the answer. */
function Options({ draft, onChange }: Pick<Props, "draft" | "onChange">) {
  const { t } = useTranslation();
  return (
    <div className={styles.line}>
      <NativeSelect
        label={t("request.count")}
        value={draft.count}
        onChange={(event) =>
          onChange({ count: event.currentTarget.value as RequestDraft["count"] })
        }
        data={counts.map((value) => ({ value, label: t(`request.counts.${value}`) }))}
      />
      <NativeSelect
        label={t("request.format")}
        value={draft.format}
        onChange={(event) =>
          onChange({ format: event.currentTarget.value === "csv" ? "csv" : "json" })
        }
        data={[
          { value: "json", label: "JSON" },
          { value: "csv", label: "CSV" },
        ]}
      />
      {canUpsert(draft) && (
        <Checkbox
          className={styles.option ?? ""}
          label={t("request.upsert")}
          checked={draft.upsert}
          onChange={(event) => onChange({ upsert: event.currentTarget.checked })}
        />
      )}
    </div>
  );
}

/** The JSON to send: rows to write, or a function's arguments. */
function Body({ draft, input }: { draft: RequestDraft; input: TextareaProps }) {
  const { t } = useTranslation();
  if (!takesBody(draft)) return null;
  const isRpc = draft.target === "rpc";
  return (
    <Textarea
      {...input}
      label={isRpc ? t("request.arguments") : t("request.body")}
      placeholder={isRpc ? '{ "customer": 7 }' : '{ "status": "paid" }'}
      rows={3}
      classNames={{ input: styles.mono ?? "" }}
    />
  );
}
