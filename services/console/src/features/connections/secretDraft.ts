/** What an edit does with one secret. `text` is what was entered in place of the stored one. */
export interface SecretDraft {
  mode: "keep" | "enter" | "remove";
  text: string;
}

export const noSecret: SecretDraft = { mode: "enter", text: "" };
export const storedSecret: SecretDraft = { mode: "keep", text: "" };

export function entered(text: string): SecretDraft {
  return { mode: "enter", text };
}

/** Whether the connection has this secret once it is saved. */
export function isGiven({ mode, text }: SecretDraft): boolean {
  return mode === "keep" || (mode === "enter" && text.trim() !== "");
}
