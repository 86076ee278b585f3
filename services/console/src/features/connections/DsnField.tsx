import { TextInput } from "@mantine/core";
import { type Dsn, type DsnError, parseDsn } from "@postern/client/rules";
import { type ClipboardEvent, type KeyboardEvent, useState } from "react";
import { useTranslation } from "react-i18next";

/**
 * Parses a connection string as soon as it is pasted. A valid string is cleared from the field, because
 * it contains the password; an invalid one stays, so that it can be corrected.
 */
export function DsnField({ onRead }: { onRead: (dsn: Dsn) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const [outcome, setOutcome] = useState<DsnError | "filled" | "filledNoPassword" | null>(null);

  const take = (candidate: string) => {
    const reading = parseDsn(candidate);
    setText(reading.ok ? "" : candidate);
    if (!reading.ok) return setOutcome(reading.error);
    setOutcome(reading.value.password === null ? "filledNoPassword" : "filled");
    onRead(reading.value);
  };

  const paste = (event: ClipboardEvent) => {
    if (text !== "") return;
    event.preventDefault();
    take(event.clipboardData.getData("text"));
  };

  const enter = (event: KeyboardEvent) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (text !== "") take(text);
  };

  const filled = outcome === "filled" || outcome === "filledNoPassword";
  const problem = outcome !== null && !filled ? t(`problem.dsn.${outcome}`) : null;
  const note = { filled: t("form.dsnFilled"), filledNoPassword: t("form.dsnFilledNoPassword") };
  return (
    <TextInput
      label={t("form.dsn")}
      description={filled ? note[outcome] : t("form.dsnHint")}
      descriptionProps={filled ? { role: "status" } : {}}
      placeholder="postgresql://user:password@host:5432/database"
      value={text}
      error={problem}
      onChange={(event) => {
        setText(event.currentTarget.value);
        setOutcome(null);
      }}
      onPaste={paste}
      onKeyDown={enter}
      onBlur={() => text !== "" && take(text)}
      autoComplete="off"
      spellCheck={false}
      data-autofocus
    />
  );
}
