import { NAME_BYTES, parseHost, parsePort, splitAddress } from "./address.js";
import { byteLength, type Parsed, parsed, splitOnce } from "./parsed.js";

/** The parts of a DSN, decoded and with defaults filled in. */
export interface Dsn {
  host: string;
  port: number;
  database: string;
  user: string;
  /** null if there is none, or only a placeholder such as [YOUR-PASSWORD]. */
  password: string | null;
  sslmode: "verify-full" | "disable";
}

export type DsnError =
  | "SCHEME"
  | "USER"
  | "HOST"
  | "PORT"
  | "PART"
  | "PATH"
  | "PARAMETER"
  | "QUERY"
  | "SSLMODE";

type Reject = (code: DsnError) => never;

export const POSTGRES_PORT = 5432;

/** The longest password, in bytes. */
const SECRET_BYTES = 64 * 1024;

/**
 * Parses postgres[ql]://user[:password]@host[:port][/database][?sslmode=MODE] and nothing else. libpq's other forms
 * (several hosts, sockets, more parameters) stand for features that Postern does not support. A password that is not
 * encoded may contain "@", ":" and "#", since it can be read in one way only.
 */
export function parseDsn(text: string): Parsed<Dsn, DsnError> {
  return parsed((reject) => read(text.trim(), reject));
}

export function looksLikeDsn(text: string): boolean {
  return /^\s*postgres(ql)?:\/\//i.test(text);
}

function read(text: string, reject: Reject): Dsn {
  if (!looksLikeDsn(text)) reject("SCHEME");
  const [beforeQuery, query = ""] = splitOnce(text.slice(text.indexOf("://") + 3), "?");
  const [authority, path = ""] = splitOnce(beforeQuery, "/");
  const at = authority.lastIndexOf("@");
  if (at < 0) reject("USER");
  const [encodedUser, encodedPassword = ""] = splitOnce(authority.slice(0, at), ":");
  const [encodedHost, digits] = splitAddress(authority.slice(at + 1));
  const host = parseHost(encodedHost) ?? reject("HOST");
  const port = parsePort(digits, POSTGRES_PORT) ?? reject("PORT");
  const user = decode(encodedUser, NAME_BYTES, reject);
  const database = readDatabase(path, reject) ?? user;
  const password = readPassword(encodedPassword, reject);
  return { host, port, database, user, password, sslmode: readSslMode(query, reject) };
}

function readDatabase(encoded: string, reject: Reject): string | null {
  if (/[/#]/.test(encoded)) reject("PATH");
  return encoded === "" ? null : decode(encoded, NAME_BYTES, reject);
}

/** Dashboards show [YOUR-PASSWORD] or **** in place of the password, which must not be saved as one. */
const PLACEHOLDER = /^(?:\[.*\]|\**)$/s;

function readPassword(encoded: string, reject: Reject): string | null {
  return PLACEHOLDER.test(encoded) ? null : decode(encoded, SECRET_BYTES, reject);
}

/** Parameters that people paste with a DSN; what else follows "?" may be a part of the password. */
const KNOWN_PARAMETERS = new Set([
  "application_name",
  "channel_binding",
  "connect_timeout",
  "dbname",
  "host",
  "hostaddr",
  "options",
  "passfile",
  "password",
  "pgbouncer",
  "port",
  "schema",
  "search_path",
  "sslcert",
  "sslcrl",
  "sslkey",
  "sslpassword",
  "sslrootcert",
  "target_session_attrs",
  "user",
]);

function readSslMode(query: string, reject: Reject): Dsn["sslmode"] {
  let found: Dsn["sslmode"] | null = null;
  for (const pair of query.split("&").filter((pair) => pair !== "")) {
    const [name, value] = splitOnce(pair, "=");
    if (name !== "sslmode") reject(KNOWN_PARAMETERS.has(name) ? "PARAMETER" : "QUERY");
    const mode = SSL_MODES.get(value) ?? reject("SSLMODE");
    // Programs differ in whether the first or the last one counts.
    if (found !== null) reject("QUERY");
    found = mode;
  }
  return found ?? "verify-full";
}

/** libpq's "require" does not verify the server; Postern always does. */
const SSL_MODES: ReadonlyMap<string | undefined, Dsn["sslmode"]> = new Map([
  ["verify-full", "verify-full"],
  ["require", "verify-full"],
  ["disable", "disable"],
]);

function decode(encoded: string, maxBytes: number, reject: Reject): string {
  if (/\p{Cc}/u.test(encoded)) reject("PART");
  const text = decodeOrNull(encoded);
  if (text === null || text === "" || byteLength(text) > maxBytes || text.includes("\0")) {
    return reject("PART");
  }
  return text;
}

function decodeOrNull(encoded: string): string | null {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return null;
  }
}
