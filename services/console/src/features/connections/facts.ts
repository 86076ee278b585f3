import {
  AccessMode,
  type Connection,
  type PostgresEndpoint,
  SecretName,
  ServingKey,
  type StoredSecret,
  type SupabaseEndpoint,
  TlsMode,
} from "@postern/client";
import { POSTGRES_PORT, parseProjectUrl } from "@postern/client/rules";
import type { TenantKind } from "../../app/search";

/** The properties of a connection that the pages display. */
export interface ConnectionFacts {
  kind: TenantKind;
  /** A project's ref or host, or a database's address. */
  endpoint: string;
  /** The Postgres role; empty for a project. */
  role: string;
  /** A project's stored keys. */
  keys: readonly StoredSecret[];
  /** The key that requests are made with; null for a database. */
  serving: SecretName | null;
  /** Whether requests may carry a user's own token of the project. */
  userTokens: boolean;
  readOnly: boolean;
  transport: "tlsVerified" | "tlsOwnCa" | "tlsOff";
}

export function factsOf({ endpoint: { case: kind, value }, secrets }: Connection): ConnectionFacts {
  if (kind === "supabase") return projectFacts(value, secrets);
  if (kind === "postgres") return databaseFacts(value);
  const unknown = { endpoint: "", role: "", readOnly: true, ...noKeys };
  return { kind: "postgres", transport: "tlsVerified", ...unknown };
}

const noKeys = { keys: [], serving: null, userTokens: false } as const;

function databaseFacts(endpoint: PostgresEndpoint): ConnectionFacts {
  return {
    kind: "postgres",
    endpoint: endpointOf(endpoint),
    role: endpoint.user,
    ...noKeys,
    readOnly: endpoint.accessMode !== AccessMode.READ_WRITE,
    transport: endpoint.tlsMode === TlsMode.DISABLE ? "tlsOff" : verified(endpoint.caPem),
  };
}

function projectFacts(
  { url, accessMode, caPem, servingKey, userTokens }: SupabaseEndpoint,
  keys: readonly StoredSecret[],
): ConnectionFacts {
  const project = parseProjectUrl(url);
  const ref = project.ok ? project.value.ref : null;
  return {
    kind: "supabase",
    endpoint: ref ?? url.replace(/^https:\/\//, ""),
    role: "",
    keys,
    serving: servingKey === ServingKey.SECRET ? SecretName.SECRET_KEY : SecretName.PUBLISHABLE_KEY,
    userTokens,
    readOnly: accessMode !== AccessMode.READ_WRITE,
    transport: verified(caPem),
  };
}

function verified(ca: string): ConnectionFacts["transport"] {
  return ca === "" ? "tlsVerified" : "tlsOwnCa";
}

function endpointOf({ host, port, database, user }: PostgresEndpoint): string {
  const name = host.includes(":") ? `[${host}]` : host;
  const shownPort = port === 0 || port === POSTGRES_PORT ? "" : `:${port}`;
  return `${name}${shownPort}/${database || user}`;
}
