import {
  AccessMode,
  type Connection,
  type ConnectionChange,
  SecretName,
  ServingKey,
  type SupabaseEndpoint,
  SupabaseService,
} from "@postern/client";
import {
  bypassesRls,
  isConnectionName,
  type KeyField,
  type ProjectUrl,
  parseKey,
  parseProjectUrl,
  recogniseKey,
} from "@postern/client/rules";
import { caProblem, found, nameProblem, type Problem, type Problems } from "./problem";
import { entered, isGiven, noSecret, type SecretDraft, storedSecret } from "./secretDraft";
import { suggestedName } from "./suggestedName";

/** The raw contents of the inputs for a Supabase project. */
export interface SupabaseDraft {
  name: string;
  url: string;
  publishableKey: SecretDraft;
  secretKey: SecretDraft;
  /** The key that was chosen to serve; null if none was. */
  serving: KeyField | null;
  readOnly: boolean;
  storage: boolean;
  functions: boolean;
  auth: boolean;
  schema: string;
  ca: string;
  userTokens: boolean;
}

type Field = keyof SupabaseDraft;

/** The draft's field for each of the two keys. */
export const keyFields = { publishable: "publishableKey", secret: "secretKey" } as const;

export const blankSupabase: SupabaseDraft = {
  name: "",
  url: "",
  publishableKey: noSecret,
  secretKey: noSecret,
  serving: null,
  readOnly: true,
  storage: false,
  functions: false,
  auth: false,
  schema: "",
  ca: "",
  userTokens: false,
};

export function supabaseDraftOf({ name, endpoint, secrets }: Connection): SupabaseDraft {
  if (endpoint.case !== "supabase") return { ...blankSupabase, name };
  const { url, servingKey, accessMode, services, schema, caPem, userTokens } = endpoint.value;
  const keyOf = (key: SecretName) =>
    secrets.some((secret) => secret.name === key) ? storedSecret : noSecret;
  return {
    name,
    url,
    publishableKey: keyOf(SecretName.PUBLISHABLE_KEY),
    secretKey: keyOf(SecretName.SECRET_KEY),
    serving: servingKey === ServingKey.SECRET ? "secret" : "publishable",
    readOnly: accessMode !== AccessMode.READ_WRITE,
    storage: services.includes(SupabaseService.STORAGE),
    functions: services.includes(SupabaseService.FUNCTIONS),
    auth: services.includes(SupabaseService.AUTH),
    schema,
    ca: caPem,
    userTokens,
  };
}

/** Fills a form from a project's URL, and suggests a name if none was entered. */
export function fillFromProject(draft: SupabaseDraft, { url, ref }: ProjectUrl): SupabaseDraft {
  const name = draft.name || suggestedName(ref ?? new URL(url).hostname.split(".")[0] ?? "");
  return { ...draft, url, name };
}

/** Fills a recognised key into the field it belongs in. */
export function fillFromKey(draft: SupabaseDraft, text: string): SupabaseDraft {
  const key = recogniseKey(text);
  if (!key.ok) return draft;
  const field = keyFields[bypassesRls(key.value.sort) ? "secret" : "publishable"];
  return { ...draft, [field]: entered(text.trim()) };
}

/** The ref of the project that the draft's URL names, if it names one. */
export function refOf({ url }: Pick<SupabaseDraft, "url">): string | null {
  const project = parseProjectUrl(url);
  return project.ok ? project.value.ref : null;
}

/** The key that serves: the chosen one if it is given, else the only one that is. */
export function servingOf(draft: SupabaseDraft): KeyField | null {
  const given = (["publishable", "secret"] as const).filter((key) =>
    isGiven(draft[keyFields[key]]),
  );
  if (draft.serving !== null && given.includes(draft.serving)) return draft.serving;
  return given.length === 1 ? (given[0] ?? null) : null;
}

/** Seals are bound to the project's host and CA, so changing these requires the stored keys again. */
export function endpointChanged(draft: SupabaseDraft, stored: SupabaseDraft | null): boolean {
  return stored !== null && endpointOf(draft) !== endpointOf(stored);
}

function endpointOf({ url, ca }: SupabaseDraft): string {
  return JSON.stringify([urlOf(url), ca.trim()]);
}

/** The project's URL, also from a page of the dashboard. */
function urlOf(text: string): string {
  const project = parseProjectUrl(text);
  return project.ok ? project.value.url : text.trim();
}

/** Validates a draft; `stored` is the connection being edited, or null for a new one. */
export function supabaseProblems(
  draft: SupabaseDraft,
  stored: SupabaseDraft | null,
): Problems<Field> {
  const changed = endpointChanged(draft, stored);
  const keyless = !isGiven(draft.publishableKey) && !isGiven(draft.secretKey);
  return found<Field>({
    name: nameProblem(draft.name, isConnectionName(draft.name)),
    url: urlProblem(draft.url),
    publishableKey:
      savedKeyProblem(draft, "publishable", changed) ?? (keyless ? "keyRequired" : null),
    secretKey: savedKeyProblem(draft, "secret", changed),
    serving: !keyless && servingOf(draft) === null ? "serving" : null,
    ca: caProblem(draft.ca),
  });
}

function urlProblem(text: string): Problem | null {
  if (text.trim() === "") return "required";
  const project = parseProjectUrl(text);
  return project.ok ? null : `url.${project.error}`;
}

function savedKeyProblem(draft: SupabaseDraft, key: KeyField, changed: boolean): Problem | null {
  const { mode, text } = draft[keyFields[key]];
  if (mode === "keep" && changed) return "keyAgain";
  return mode === "enter" && text.trim() !== "" ? keyProblem(draft, key) : null;
}

/** What is wrong with the text that was entered for a key. */
export function keyProblem(draft: SupabaseDraft, key: KeyField): Problem | null {
  const context = { field: key, ref: refOf(draft), now: Date.now() / 1000 };
  const parsed = parseKey(draft[keyFields[key]].text, context);
  return parsed.ok ? null : `key.${parsed.error}`;
}

type SupabaseChange = Extract<ConnectionChange, { supabase: object }>;

export function supabaseChange(draft: SupabaseDraft, expectedVersion: bigint): SupabaseChange {
  return {
    name: draft.name,
    expectedVersion,
    supabase: {
      url: urlOf(draft.url),
      servingKey: servingOf(draft) === "secret" ? ServingKey.SECRET : ServingKey.PUBLISHABLE,
      accessMode: draft.readOnly ? AccessMode.READ_ONLY : AccessMode.READ_WRITE,
      services: servicesOf(draft),
      schema: draft.schema.trim(),
      caPem: draft.ca.trim(),
      userTokens: draft.userTokens,
    },
    ...savedKey("publishableKey", draft.publishableKey),
    ...savedKey("secretKey", draft.secretKey),
  };
}

function servicesOf(draft: SupabaseDraft): SupabaseEndpoint["services"] {
  return [
    ...(draft.storage ? [SupabaseService.STORAGE] : []),
    ...(draft.functions ? [SupabaseService.FUNCTIONS] : []),
    ...(draft.auth ? [SupabaseService.AUTH] : []),
  ];
}

/** A key that is left out stays as it is stored; an empty one is removed. */
function savedKey<F extends "publishableKey" | "secretKey">(
  field: F,
  { mode, text }: SecretDraft,
): Partial<Record<F, string>> {
  const sent = mode === "remove" || (mode === "enter" && text.trim() !== "");
  if (!sent) return {};
  return { [field]: mode === "remove" ? "" : text.trim() } as Record<F, string>;
}

/** The form field for each request field that the server may name in an error. */
export const supabaseFields: Readonly<Record<string, Field>> = {
  name: "name",
  url: "url",
  publishable_key: "publishableKey",
  secret_key: "secretKey",
  serving_key: "serving",
  access_mode: "readOnly",
  services: "storage",
  schema: "schema",
  ca_pem: "ca",
  user_tokens: "userTokens",
};
