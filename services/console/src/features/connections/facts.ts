import {
  AccessMode,
  type Connection,
  type PostgresEndpoint,
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
  readOnly: boolean;
  transport: "tlsVerified" | "tlsOwnCa" | "tlsOff";
}

export function factsOf({ endpoint: { case: kind, value }, secrets }: Connection): ConnectionFacts {
  if (kind === "supabase") return projectFacts(value, secrets);
  if (kind === "postgres") return databaseFacts(value);
  const unknown = { endpoint: "", role: "", keys: [], readOnly: true } as const;
  return { kind: "postgres", transport: "tlsVerified", ...unknown };
}

function databaseFacts(endpoint: PostgresEndpoint): ConnectionFacts {
  return {
    kind: "postgres",
    endpoint: endpointOf(endpoint),
    role: endpoint.user,
    keys: [],
    readOnly: endpoint.accessMode !== AccessMode.READ_WRITE,
    transport: endpoint.tlsMode === TlsMode.DISABLE ? "tlsOff" : verified(endpoint.caPem),
  };
}

function projectFacts(
  { url, accessMode, caPem }: SupabaseEndpoint,
  keys: readonly StoredSecret[],
): ConnectionFacts {
  const project = parseProjectUrl(url);
  const ref = project.ok ? project.value.ref : null;
  return {
    kind: "supabase",
    endpoint: ref ?? url.replace(/^https:\/\//, ""),
    role: "",
    keys,
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
