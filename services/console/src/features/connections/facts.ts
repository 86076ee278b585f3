import { AccessMode, type Connection, TlsMode } from "../../client";
import { DEFAULT_PORT } from "./draft";

/** The properties of a connection that the pages display. */
export interface ConnectionFacts {
  endpoint: string;
  role: string;
  readOnly: boolean;
  transport: "tlsVerified" | "tlsOwnCa" | "tlsOff";
}

export function factsOf({ endpoint: { value: endpoint } }: Connection): ConnectionFacts {
  if (endpoint === undefined)
    return { endpoint: "", role: "", readOnly: true, transport: "tlsVerified" };
  return {
    endpoint: endpointOf(endpoint),
    role: endpoint.user,
    readOnly: endpoint.accessMode !== AccessMode.READ_WRITE,
    transport: transportOf(endpoint),
  };
}

type Endpoint = NonNullable<Connection["endpoint"]["value"]>;

function endpointOf({ host, port, database, user }: Endpoint): string {
  const name = host.includes(":") ? `[${host}]` : host;
  const shownPort = port === 0 || port === DEFAULT_PORT ? "" : `:${port}`;
  return `${name}${shownPort}/${database || user}`;
}

function transportOf({ tlsMode, caPem }: Endpoint): ConnectionFacts["transport"] {
  if (tlsMode === TlsMode.DISABLE) return "tlsOff";
  return caPem === "" ? "tlsVerified" : "tlsOwnCa";
}
