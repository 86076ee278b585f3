/** A parsed connection string. It only fills in the form; the server validates the saved fields again. */
export interface Dsn {
  host: string;
  /** 0 if the string has none. */
  port: number;
  database: string;
  user: string;
  password: string | null;
  tls: "verify" | "disable";
}

export type DsnProblem =
  | "scheme"
  | "user"
  | "host"
  | "hosts"
  | "port"
  | "path"
  | "encoding"
  | "parameter"
  | "sslmode";

export type DsnReading = { ok: true; dsn: Dsn } | { ok: false; problem: DsnProblem };

class Refused extends Error {
  readonly problem: DsnProblem;

  constructor(problem: DsnProblem) {
    super(problem);
    this.problem = problem;
  }
}

/**
 * Parses postgresql://user:password@host:port/database?sslmode=verify-full and nothing else. libpq's other
 * forms (several hosts, sockets, more parameters) stand for features that Postern does not support.
 */
export function readDsn(text: string): DsnReading {
  try {
    return { ok: true, dsn: read(text.trim()) };
  } catch (thrown) {
    if (thrown instanceof Refused) return { ok: false, problem: thrown.problem };
    throw thrown;
  }
}

export function looksLikeDsn(text: string): boolean {
  return /^\s*postgres(ql)?:\/\//i.test(text);
}

function read(text: string): Dsn {
  const [, rest] = /^postgres(?:ql)?:\/\/(.*)$/i.exec(text) ?? refuse("scheme");
  const [, authority = "", path = "", search = ""] =
    /^([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(rest ?? "") ?? refuse("encoding");
  const credentials = authority.split("@");
  if (credentials.length > 2) refuse("encoding");
  if (credentials.length < 2) refuse("user");
  const [userInfo = "", hostPort = ""] = credentials;
  return {
    ...readUserInfo(userInfo),
    ...readHostPort(hostPort),
    database: readDatabase(path),
    tls: readTls(search),
  };
}

/** Hosting providers show a placeholder such as [YOUR-PASSWORD]; it must not be saved as a password. */
const PLACEHOLDER = /^\[.*\]$/;

function readUserInfo(text: string): Pick<Dsn, "user" | "password"> {
  const [user = "", password, ...more] = text.split(":");
  if (more.length > 0) refuse("encoding");
  if (user === "") refuse("user");
  const known = password !== undefined && password !== "" && !PLACEHOLDER.test(password);
  return { user: decode(user), password: known ? decode(password) : null };
}

function readHostPort(text: string): Pick<Dsn, "host" | "port"> {
  if (text.includes(",")) refuse("hosts");
  const [, inBrackets, plain, port] =
    /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/.exec(text) ?? refuse("host");
  const host = inBrackets ?? plain ?? "";
  const shape = inBrackets === undefined ? HOST_NAME : IPV6;
  if (!shape.test(host)) refuse("host");
  return { host, port: port === undefined || port === "" ? 0 : readPort(port) };
}

/** Just enough to distinguish an address from a name with a port; the server validates it fully. */
const IPV6 = /^(?=.*:.*:)[0-9a-f:.]+$/i;

/** Host names and IPv4 addresses. */
const HOST_NAME =
  /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*\.?$/i;

export function isHost(text: string): boolean {
  return text.length <= 253 && (HOST_NAME.test(text) || IPV6.test(text));
}

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : refuse("port");
}

function readDatabase(path: string): string {
  return path.includes("/") ? refuse("path") : decode(path);
}

function readTls(search: string): Dsn["tls"] {
  if (search === "") return "verify";
  const [name, value, ...more] = search.split("=");
  if (name !== "sslmode" || more.length > 0 || value?.includes("&")) refuse("parameter");
  if (value === "disable") return "disable";
  // libpq's "require" does not verify the server; Postern always does.
  return value === "verify-full" || value === "require" ? "verify" : refuse("sslmode");
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse("encoding");
  }
}

function refuse(problem: DsnProblem): never {
  throw new Refused(problem);
}
