import { AccessMode, type Connection, type ConnectionChange, TlsMode } from "@postern/client";
import {
  type Dsn,
  isConnectionName,
  POSTGRES_PORT,
  parseHost,
  parsePort,
} from "@postern/client/rules";

/** The raw contents of the form's inputs. */
export interface Draft {
  name: string;
  host: string;
  port: string;
  database: string;
  user: string;
  password: string;
  tls: "verify" | "disable";
  ca: string;
  readOnly: boolean;
}

export type DraftField = keyof Draft;
export type DraftProblem = "required" | "name" | "host" | "port" | "ca" | "passwordAgain";
export type DraftProblems = Partial<Record<DraftField, DraftProblem>>;

export const blankDraft: Draft = {
  name: "",
  host: "",
  port: "",
  database: "",
  user: "",
  password: "",
  tls: "verify",
  ca: "",
  readOnly: true,
};

export function draftOf(connection: Connection): Draft {
  if (connection.endpoint.case !== "postgres") return { ...blankDraft, name: connection.name };
  const endpoint = connection.endpoint.value;
  return {
    name: connection.name,
    host: endpoint.host,
    port: endpoint.port === 0 ? "" : String(endpoint.port),
    database: endpoint.database,
    user: endpoint.user,
    password: "",
    tls: endpoint.tlsMode === TlsMode.DISABLE ? "disable" : "verify",
    ca: endpoint.caPem,
    readOnly: endpoint.accessMode !== AccessMode.READ_WRITE,
  };
}

/** Fills a form from a connection string, and suggests a name if none was entered. */
export function fillFrom(draft: Draft, dsn: Dsn): Draft {
  return {
    ...draft,
    host: dsn.host,
    port: String(dsn.port),
    database: dsn.database,
    user: dsn.user,
    password: dsn.password ?? "",
    tls: dsn.sslmode === "disable" ? "disable" : "verify",
    name: draft.name || nameFor(dsn),
  };
}

/** Suggests the database's name, or the host's first label where the database has a generic name. */
function nameFor({ database, host }: Dsn): string {
  const source = database === "" || database === "postgres" ? (host.split(".")[0] ?? "") : database;
  const name = source
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, 63)
    .replace(/-+$/, "");
  return isConnectionName(name) ? name : "";
}

/** Validates a draft; `stored` is the connection being edited, or null for a new one. */
export function problemsOf(draft: Draft, stored: Draft | null): DraftProblems {
  const missing = stored === null ? "required" : "passwordAgain";
  const found: Partial<Record<DraftField, DraftProblem | null>> = {
    name: malformed(draft.name, isConnectionName(draft.name), "name"),
    host: malformed(draft.host.trim(), parseHost(draft.host.trim()) !== null, "host"),
    port: portOf(draft) === null ? "port" : null,
    user: malformed(draft.user.trim(), true, "required"),
    ca: caOf(draft) === "" || draft.ca.includes(PEM_START) ? null : "ca",
    password: draft.password === "" && needsPassword(draft, stored) ? missing : null,
  };
  return Object.fromEntries(Object.entries(found).filter(([, problem]) => problem !== null));
}

const PEM_START = "-----BEGIN CERTIFICATE-----";

function malformed(text: string, wellFormed: boolean, problem: DraftProblem): DraftProblem | null {
  if (text === "") return "required";
  return wellFormed ? null : problem;
}

/** Seals are bound to their endpoint, so changing the endpoint requires the password again. */
export function needsPassword(draft: Draft, stored: Draft | null): boolean {
  return stored === null || endpointOf(draft) !== endpointOf(stored);
}

/** The endpoint a seal is bound to, with defaults filled in. The user is not part of it. */
function endpointOf(draft: Draft): string {
  const database = draft.database.trim() || draft.user.trim();
  return JSON.stringify([
    parseHost(draft.host.trim()),
    portOf(draft),
    database,
    draft.tls,
    caOf(draft),
  ]);
}

function portOf({ port }: Draft): number | null {
  return parsePort(port.trim(), POSTGRES_PORT);
}

/** As the server stores it. */
function caOf({ ca }: Draft): string {
  return ca.trim();
}

export function changeOf(draft: Draft, expectedVersion: bigint): PostgresChange {
  return {
    name: draft.name,
    expectedVersion,
    postgres: {
      host: draft.host.trim(),
      port: portOf(draft) ?? 0,
      database: draft.database.trim(),
      user: draft.user.trim(),
      tlsMode: draft.tls === "disable" ? TlsMode.DISABLE : TlsMode.VERIFY_FULL,
      caPem: caOf(draft),
      accessMode: draft.readOnly ? AccessMode.READ_ONLY : AccessMode.READ_WRITE,
    },
    ...(draft.password === "" ? {} : { password: draft.password }),
  };
}

type PostgresChange = Extract<ConnectionChange, { postgres: object }>;

/** The form field for each request field that the server may name in an error. */
export const fieldsOfRequest: Readonly<Record<string, DraftField>> = {
  name: "name",
  host: "host",
  port: "port",
  database: "database",
  user: "user",
  password: "password",
  tls_mode: "tls",
  ca_pem: "ca",
  access_mode: "readOnly",
};
