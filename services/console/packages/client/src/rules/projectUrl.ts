import { parseHost, parsePort, splitAddress } from "./address.js";
import { type Parsed, parsed } from "./parsed.js";

export interface ProjectUrl {
  /** https://HOST or https://HOST:PORT, without a path. */
  url: string;
  /** The project's ref; null for self-hosted projects and custom domains. */
  ref: string | null;
}

export type ProjectUrlError =
  | "SCHEME"
  | "PLAIN_HTTP"
  | "CHARACTERS"
  | "USER_INFO"
  | "HOST"
  | "PORT"
  | "QUERY"
  | "PATH"
  | "NO_PROJECT"
  | "DATABASE_HOST";

type Reject = (code: ProjectUrlError) => never;

const MAX_LENGTH = 2048;
const HTTPS_PORT = 443;
const SITES = /^(?:supabase\.com?|www\.supabase\.com|app\.supabase\.com?)$/;

/**
 * Parses a project's URL from what people paste: the URL itself, a service's URL below it, or a page of the dashboard. It
 * is split here and not by `URL`, which accepts hosts (0x7f.1, ex%61mple.com) that others read differently.
 */
export function parseProjectUrl(text: string): Parsed<ProjectUrl, ProjectUrlError> {
  return parsed((reject) => read(text.trim(), reject));
}

function read(text: string, reject: Reject): ProjectUrl {
  if (text.length > MAX_LENGTH || !/^[!-[\]-~]*$/.test(text)) reject("CHARACTERS");
  const [authority, path, tail] = split(text, reject);
  if (authority.includes("@")) reject("USER_INFO");
  const [rawHost, digits] = splitAddress(authority);
  const host = parseHost(rawHost) ?? reject("HOST");
  const port = parsePort(digits, HTTPS_PORT) ?? reject("PORT");
  // The dashboard keeps state of its own behind "?" and "#".
  if (SITES.test(host)) return ofDashboard(path, reject);
  if (tail !== "") reject("QUERY");
  if (!ROOT_OR_SERVICE.test(path)) reject("PATH");
  if (/^db\..*\.supabase\.co$/.test(host)) reject("DATABASE_HOST");
  return ofHost(host, port);
}

function split(text: string, reject: Reject): [authority: string, path: string, tail: string] {
  const [, scheme = "", authority = "", path = "", tail = ""] =
    /^([^:]*):\/\/([^/?#]*)([^?#]*)(.*)$/.exec(text) ?? reject("SCHEME");
  if (/^http$/i.test(scheme)) reject("PLAIN_HTTP");
  if (!/^https$/i.test(scheme)) reject("SCHEME");
  return [authority, path, tail];
}

/** Paths that gateways route to services of a project. */
const ROOT_OR_SERVICE = /^(?:\/?|\/(?:rest|auth|storage|functions|graphql|realtime)\/v1(?:\/.*)?)$/;

/** /dashboard/project/REF/…, and /project/REF/… as the dashboard's old host had it. */
function ofDashboard(path: string, reject: Reject): ProjectUrl {
  const [, ref] =
    /^(?:\/dashboard)?\/project\/([a-z0-9]{1,63})(?:\/|$)/.exec(path) ?? reject("NO_PROJECT");
  return ofHost(`${ref}.supabase.co`, HTTPS_PORT);
}

function ofHost(host: string, port: number): ProjectUrl {
  const written = host.includes(":") ? `[${host}]` : host;
  return {
    url: `https://${written}${port === HTTPS_PORT ? "" : `:${port}`}`,
    ref: /^([^.]+)\.supabase\.co$/.exec(host)?.[1] ?? null,
  };
}
