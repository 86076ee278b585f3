import { AccessMode, type Connection, TlsMode } from "../../client";
import { DEFAULT_PORT } from "./draft";

/** What a connection is, in the terms the screens speak of it. */
export interface ConnectionFacts {
  endpoint: string;
  role: string;
  readOnly: boolean;
  transport: "tlsVerified" | "tlsOwnCa" | "tlsOff";
}

export function factsOf({ target: { value: target } }: Connection): ConnectionFacts {
  if (target === undefined)
    return { endpoint: "", role: "", readOnly: true, transport: "tlsVerified" };
  return {
    endpoint: endpointOf(target),
    role: target.user,
    readOnly: target.accessMode !== AccessMode.READ_WRITE,
    transport: transportOf(target),
  };
}

type Target = NonNullable<Connection["target"]["value"]>;

function endpointOf({ host, port, database, user }: Target): string {
  const name = host.includes(":") ? `[${host}]` : host;
  const shownPort = port === 0 || port === DEFAULT_PORT ? "" : `:${port}`;
  return `${name}${shownPort}/${database || user}`;
}

function transportOf({ tlsMode, caPem }: Target): ConnectionFacts["transport"] {
  if (tlsMode === TlsMode.DISABLE) return "tlsOff";
  return caPem === "" ? "tlsVerified" : "tlsOwnCa";
}
