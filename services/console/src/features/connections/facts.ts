import { AccessMode, type Connection, type PostgresEndpoint, TlsMode } from "@postern/client";
import { POSTGRES_PORT } from "@postern/client/rules";

/** The properties of a connection that the pages display. */
export interface ConnectionFacts {
  endpoint: string;
  role: string;
  readOnly: boolean;
  transport: "tlsVerified" | "tlsOwnCa" | "tlsOff";
}

export function factsOf({
  endpoint: { case: kind, value: endpoint },
}: Connection): ConnectionFacts {
  if (endpoint === undefined)
    return { endpoint: "", role: "", readOnly: true, transport: "tlsVerified" };
  const readOnly = endpoint.accessMode !== AccessMode.READ_WRITE;
  const verified = endpoint.caPem === "" ? "tlsVerified" : "tlsOwnCa";
  if (kind === "supabase") {
    return { endpoint: endpoint.url, role: "", readOnly, transport: verified };
  }
  const transport = endpoint.tlsMode === TlsMode.DISABLE ? "tlsOff" : verified;
  return { endpoint: endpointOf(endpoint), role: endpoint.user, readOnly, transport };
}

function endpointOf({ host, port, database, user }: PostgresEndpoint): string {
  const name = host.includes(":") ? `[${host}]` : host;
  const shownPort = port === 0 || port === POSTGRES_PORT ? "" : `:${port}`;
  return `${name}${shownPort}/${database || user}`;
}
