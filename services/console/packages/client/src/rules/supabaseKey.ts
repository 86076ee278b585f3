import { byteLength, type Parsed, parsed } from "./parsed.js";

/** The sorts of keys; "anon" and "service_role" are legacy JWTs. */
export type KeySort = "publishable" | "secret" | "anon" | "service_role";

/** Which of a connection's two keys: the publishable or anon one, or the secret or service_role one. */
export type KeyField = "publishable" | "secret";

export interface SupabaseKey {
  sort: KeySort;
  /** The last four characters; null if they might be guessable. */
  last: string | null;
  /** The ref of the project that a legacy key names; null if it names none. */
  ref: string | null;
}

export type KeyError =
  | "EMPTY"
  | "MASKED"
  | "ACCESS_TOKEN"
  | "ROLE"
  | "UNRECOGNISED"
  | "SECRET_AS_PUBLISHABLE"
  | "PUBLISHABLE_AS_SECRET"
  | "OTHER_PROJECT"
  | "EXPIRED";

/** What a key is checked against. */
export interface KeyContext {
  field: KeyField;
  /** The ref of the project's URL; null for self-hosted projects. */
  ref: string | null;
  /** Seconds since 1970. */
  now: number;
}

type Reject = (code: KeyError) => never;

interface Claims {
  role: string;
  ref: string | null;
  expiresAt: number | null;
}

const MAX_BYTES = 4096;

/** From this length on the end of a key is taken for random, so that four characters give nothing away. */
const HIGH_ENTROPY = 32;

/** Recognises a key, without knowing where it belongs. */
export function recogniseKey(text: string): Parsed<SupabaseKey, KeyError> {
  return parsed((reject) => recognise(text.trim(), reject).key);
}

/**
 * Recognises a key that was entered in a field of the form for a project. A JWT's signature is not verified: its claims
 * only tell people about a wrong paste before it is saved.
 */
export function parseKey(text: string, context: KeyContext): Parsed<SupabaseKey, KeyError> {
  return parsed((reject) => {
    const { key, expiresAt } = recognise(text.trim(), reject);
    const field = bypassesRls(key.sort) ? "secret" : "publishable";
    if (field !== context.field) {
      reject(field === "secret" ? "SECRET_AS_PUBLISHABLE" : "PUBLISHABLE_AS_SECRET");
    }
    if (!sameProject(key.ref, context.ref)) reject("OTHER_PROJECT");
    if (expiresAt !== null && expiresAt <= context.now) reject("EXPIRED");
    return key;
  });
}

/** Keys and URLs that name no project fit any. */
function sameProject(key: string | null, url: string | null): boolean {
  return key === null || url === null || key === url;
}

/** Whether keys of this sort bypass the project's row level security. */
export function bypassesRls(sort: KeySort): boolean {
  return sort === "secret" || sort === "service_role";
}

function recognise(text: string, reject: Reject): { key: SupabaseKey; expiresAt: number | null } {
  if (text === "") reject("EMPTY");
  if (/[•·●…*]|\.\.\./.test(text)) reject("MASKED");
  if (byteLength(text) > MAX_BYTES) reject("UNRECOGNISED");
  if (text.startsWith("sbp_")) reject("ACCESS_TOKEN");
  const sort = opaqueSort(text, reject);
  if (sort !== null) return { key: { sort, last: lastOf(text, text), ref: null }, expiresAt: null };
  const { role, ref, expiresAt } = claimsOf(text) ?? reject("UNRECOGNISED");
  if (role !== "anon" && role !== "service_role") return reject("ROLE");
  // A JWT ends with its signature, of at least 43 characters; shorter ones are made by hand.
  const signature = text.slice(text.lastIndexOf(".") + 1);
  return { key: { sort: role, last: lastOf(text, signature), ref }, expiresAt };
}

function opaqueSort(text: string, reject: Reject): KeySort | null {
  const [, sort] = /^sb_(publishable|secret)_/.exec(text) ?? [];
  if (sort === undefined) return null;
  // At least 16 characters: far fewer than Supabase uses, and enough to see that something was cut off.
  const whole = /^sb_[a-z]+_[\w-]{16,}$/.test(text);
  return whole ? (sort as KeySort) : reject("UNRECOGNISED");
}

function lastOf(text: string, random: string): string | null {
  return random.length >= HIGH_ENTROPY ? text.slice(-4) : null;
}

/** The claims of a JWT in compact form (RFC 7515, section 7.1), or null. */
function claimsOf(text: string): Claims | null {
  const [, header = "", payload = ""] = /^([\w-]+)\.([\w-]+)\.[\w-]+$/.exec(text) ?? [];
  if (typeof objectIn(header)?.alg !== "string") return null;
  const { role, ref, exp } = objectIn(payload) ?? {};
  if (typeof role !== "string") return null;
  // A ref is shown in messages, so nothing else may hide in it.
  if (ref !== undefined && !(typeof ref === "string" && /^[a-z0-9-]{1,63}$/.test(ref))) return null;
  if (exp !== undefined && !(Number.isInteger(exp) && (exp as number) >= 0)) return null;
  return { role, ref: ref ?? null, expiresAt: (exp as number | undefined) ?? null };
}

function objectIn(segment: string): Record<string, unknown> | null {
  try {
    const binary = atob(segment.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const json = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const value: unknown = JSON.parse(json);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject && !repeatsName(json) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** Whether an object has two members of the same name: programs differ in which one counts. */
function repeatsName(json: string): boolean {
  const names: string[] = [];
  let depth = 0;
  for (const [token, name] of json.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (token === "{" || token === "[") depth += 1;
    else if (token === "}" || token === "]") depth -= 1;
    else if (name !== undefined && depth === 1) names.push(JSON.parse(name));
  }
  return new Set(names).size < names.length;
}
