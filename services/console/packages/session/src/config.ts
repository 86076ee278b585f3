import type { ServiceName } from "./method.js";
import { SignInError } from "./problem.js";

/** How people sign in, as the operator's `/config.json` says. */
export type SignInConfig = DevelopmentConfig | OidcConfig | SupabaseConfig;

/** Any name, no password. Only Postern's development server serves this. */
export interface DevelopmentConfig {
  kind: "development";
}

export interface OidcConfig {
  kind: "oidc";
  /** The issuer's URL; its discovery document is below it. */
  authority: string;
  /** A public client, without a secret. */
  clientId: string;
  scope: string;
  /** Sent as `audience`, for providers that select an API by it, such as Auth0. */
  audience?: string | PerService;
  /** Sent as `resource` (RFC 8707), for providers that select an API by it. */
  resource?: string | PerService;
}

/** A value for each service, so that a token for one of them is of no use at the other. */
export type PerService = Readonly<Record<ServiceName, string>>;

export interface SupabaseConfig {
  kind: "supabase";
  /** The project's URL, without `/auth/v1`. */
  url: string;
  publishableKey: string;
  /** OAuth providers by Supabase's names, such as "github". */
  providers: readonly string[];
  magicLink: boolean;
  password: boolean;
}

/**
 * Reads and checks `/config.json`. Unknown kinds and fields are refused: a misspelled one must not be ignored.
 *
 * @throws SignInError with the kind `configMissing`, `configUnreachable` or `configInvalid`
 */
export async function loadConfig(
  fetcher: typeof fetch,
  url = "/config.json",
): Promise<SignInConfig> {
  const response = await fetcher(url, { cache: "no-cache" }).catch(() => {
    throw new SignInError("configUnreachable");
  });
  if (response.status >= 500) throw new SignInError("configUnreachable");
  // A server of single-page apps answers any path with the page itself.
  const page = response.headers.get("content-type")?.includes("text/html") ?? false;
  if (!response.ok || page) throw new SignInError("configMissing");
  const value: unknown = await response.json().catch(() => invalid("not JSON"));
  return parseConfig(value);
}

/** Checks the value of a `/config.json`: `{ "signIn": { "kind": …, … } }`. */
export function parseConfig(value: unknown): SignInConfig {
  const config = new Fields(value, "");
  const signIn = new Fields(config.required("signIn"), "signIn.");
  config.noOthers();
  const parsed = parseKind(signIn);
  signIn.noOthers();
  return parsed;
}

function parseKind(fields: Fields): SignInConfig {
  const kind = fields.text("kind");
  switch (kind) {
    case "development":
      return { kind };
    case "oidc":
      return { kind, ...oidc(fields) };
    case "supabase":
      return { kind, ...supabase(fields) };
    default:
      return invalid('signIn.kind must be "oidc", "supabase" or "development"');
  }
}

function oidc(fields: Fields): Omit<OidcConfig, "kind"> {
  const scope = fields.text("scope", "openid profile email");
  if (!scope.split(" ").includes("openid")) invalid("signIn.scope must contain openid");
  return {
    authority: fields.url("authority"),
    clientId: fields.text("clientId"),
    scope,
    ...fields.optionalApi("audience"),
    ...fields.optionalApi("resource"),
  };
}

function supabase(fields: Fields): Omit<SupabaseConfig, "kind"> {
  const url = fields.url("url").replace(/\/$/, "");
  if (url.endsWith("/auth/v1")) invalid("signIn.url must be the project's URL, without /auth/v1");
  const ways = {
    providers: fields.names("providers"),
    magicLink: fields.flag("magicLink", false),
    password: fields.flag("password", true),
  };
  if (ways.providers.length === 0 && !ways.magicLink && !ways.password) {
    invalid("signIn allows none of providers, magicLink and password");
  }
  const publishableKey = fields.text("publishableKey");
  if (isSecretKey(publishableKey)) invalid("signIn.publishableKey is a secret key");
  return { url, publishableKey, ...ways };
}

/** Everyone can read `/config.json`, so a project's secret key must never be in it. */
function isSecretKey(key: string): boolean {
  if (key.startsWith("sb_secret_")) return true;
  try {
    const payload = (key.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    return (JSON.parse(atob(payload)) as { role?: unknown }).role === "service_role";
  } catch {
    return false;
  }
}

/** The fields of an object, each read once; those that nobody read are unknown. */
class Fields {
  private readonly values: Map<string, unknown>;
  private readonly path: string;

  constructor(value: unknown, path: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      invalid(`${path.slice(0, -1) || "the file"} must be an object`);
    }
    this.values = new Map(Object.entries(value as object));
    this.path = path;
  }

  required(name: string): unknown {
    const value = this.take(name);
    return value === undefined ? invalid(`${this.path}${name} is missing`) : value;
  }

  text(name: string, otherwise?: string): string {
    const value = otherwise === undefined ? this.required(name) : (this.take(name) ?? otherwise);
    const plain = typeof value === "string" && value.trim() === value && value !== "";
    return plain ? value : invalid(`${this.path}${name} must be a text`);
  }

  /** The name of an API at the provider: one for both services, or an object with one for each. */
  optionalApi<N extends string>(name: N): { [K in N]?: string | PerService } {
    if (!this.values.has(name)) return {};
    const value = this.values.get(name);
    const each = typeof value === "object" && value !== null;
    const api = each ? perService(this.take(name), `${this.path}${name}.`) : this.text(name);
    return { [name]: api } as { [K in N]?: string | PerService };
  }

  flag(name: string, otherwise: boolean): boolean {
    const value = this.take(name) ?? otherwise;
    return typeof value === "boolean"
      ? value
      : invalid(`${this.path}${name} must be true or false`);
  }

  names(name: string): string[] {
    const value = this.take(name) ?? [];
    const names = Array.isArray(value) && value.every((each) => /^[a-z0-9_]{1,40}$/.test(each));
    return names ? value : invalid(`${this.path}${name} must be a list of provider names`);
  }

  /** An https URL. Plain http leaks codes and tokens, except on this machine. */
  url(name: string): string {
    const value = this.text(name);
    const url = URL.canParse(value) ? new URL(value) : invalid(`${this.path}${name} must be a URL`);
    const local = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
    const secure = url.protocol === "https:" || (url.protocol === "http:" && local);
    if (!secure) invalid(`${this.path}${name} must start with https://`);
    const bare = url.search === "" && url.hash === "" && url.username === "" && url.password === "";
    return bare ? value : invalid(`${this.path}${name} must have no user, query or fragment`);
  }

  noOthers(): void {
    const [unknown] = this.values.keys();
    if (unknown !== undefined) invalid(`${this.path}${unknown} is not a known field`);
  }

  private take(name: string): unknown {
    const value = this.values.get(name);
    this.values.delete(name);
    return value;
  }
}

function perService(value: unknown, path: string): PerService {
  const fields = new Fields(value, path);
  const apis = {
    "connection-service": fields.text("connection-service"),
    "proxy-service": fields.text("proxy-service"),
  };
  fields.noOthers();
  return apis;
}

function invalid(detail: string): never {
  throw new SignInError("configInvalid", detail);
}
