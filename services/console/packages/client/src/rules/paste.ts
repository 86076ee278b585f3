import { type Dsn, type DsnError, looksLikeDsn, parseDsn } from "./dsn.js";
import type { Parsed } from "./parsed.js";
import { type ProjectUrl, type ProjectUrlError, parseProjectUrl } from "./projectUrl.js";
import { type KeyError, recogniseKey, type SupabaseKey } from "./supabaseKey.js";

/** What a pasted text is, or seems to be meant as. */
export type Paste =
  | { kind: "dsn"; parsed: Parsed<Dsn, DsnError> }
  | { kind: "projectUrl"; parsed: Parsed<ProjectUrl, ProjectUrlError> }
  | { kind: "key"; parsed: Parsed<SupabaseKey, KeyError> };

/** Recognises a DSN, a Supabase project's URL or a Supabase key; null for any other text. */
export function recognisePaste(text: string): Paste | null {
  if (looksLikeDsn(text)) return { kind: "dsn", parsed: parseDsn(text) };
  if (/^\s*https?:\/\//i.test(text)) return { kind: "projectUrl", parsed: parseProjectUrl(text) };
  const parsed = recogniseKey(text);
  const isKey = parsed.ok || /^\s*sbp?_/.test(text);
  return isKey ? { kind: "key", parsed } : null;
}
