import { TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

interface Props {
  form: {
    draft: { name: string };
    stored: object | null;
    set: (field: "name", value: string) => void;
    problem: (field: "name") => string | undefined;
  };
}

/** The connection's name, which an edit can't change. */
export function NameField({ form }: Props) {
  const { t } = useTranslation();
  const isNew = form.stored === null;
  return (
    <TextInput
      label={t("form.name")}
      value={form.draft.name}
      error={form.problem("name")}
      onChange={(event) => form.set("name", event.currentTarget.value)}
      description={isNew ? t("form.nameHint") : undefined}
      readOnly={!isNew}
      variant={isNew ? "default" : "filled"}
      autoComplete="off"
      spellCheck={false}
      required
      withAsterisk={false}
    />
  );
}
