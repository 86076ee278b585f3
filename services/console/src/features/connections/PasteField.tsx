import { TextInput } from "@mantine/core";
import { type Paste, recognisePaste } from "@postern/client/rules";
import { type ClipboardEvent, type KeyboardEvent, useState } from "react";
import { useTranslation } from "react-i18next";

/** What came of a pasted text: the fields were filled, or it belongs to the other kind of connection. */
export type PasteOutcome = "filled" | "filledNoPassword" | "filledProject" | "filledKey";

interface Props {
  /** Fills the form; null if the text belongs to another kind than the connection that is edited. */
  onTake: (paste: Paste, text: string) => PasteOutcome | null;
}

/**
 * Recognises a connection string, a project's URL or a key as soon as it is pasted. A valid text is cleared from the
 * field, because it may contain a secret; an invalid one stays, so that it can be corrected.
 */
export function PasteField({ onTake }: Props) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const [outcome, setOutcome] = useState<PasteOutcome | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const pasteProblem = usePasteProblem();

  const take = (candidate: string) => {
    const paste = recognisePaste(candidate);
    const wrong = pasteProblem(paste);
    const filled = paste === null || wrong !== null ? null : onTake(paste, candidate);
    setText(filled === null ? candidate : "");
    setOutcome(filled);
    setProblem(filled === null ? (wrong ?? t("problem.otherKind")) : null);
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

  return (
    <TextInput
      label={t("form.paste")}
      description={outcome === null ? t("form.pasteHint") : t(`form.pasted.${outcome}`)}
      descriptionProps={outcome === null ? {} : { role: "status" }}
      placeholder="https://….supabase.co, postgresql://…"
      value={text}
      error={problem}
      onChange={(event) => {
        setText(event.currentTarget.value);
        setOutcome(null);
        setProblem(null);
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

function usePasteProblem(): (paste: Paste | null) => string | null {
  const { t } = useTranslation();
  return (paste) => {
    if (paste === null) return t("problem.paste");
    if (paste.parsed.ok) return null;
    if (paste.kind === "dsn") return t(`problem.dsn.${paste.parsed.error}`);
    if (paste.kind === "projectUrl") return t(`problem.url.${paste.parsed.error}`);
    return t(`problem.key.${paste.parsed.error}`, { key: "", project: "" });
  };
}
