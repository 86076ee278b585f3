import { AccessMode, type Connection, type ConnectionChange, TlsMode } from "@postern/client";
import {
  type Dsn,
  isConnectionName,
  POSTGRES_PORT,
  parseHost,
  parsePort,
} from "@postern/client/rules";
import { caProblem, found, nameProblem, type Problem, type Problems } from "./problem";
import { entered, noSecret, type SecretDraft, storedSecret } from "./secretDraft";
import { suggestedName } from "./suggestedName";

/** The raw contents of the inputs for a Postgres database. */
export interface PostgresDraft {
  name: string;
  host: string;
  port: string;
  database: string;
  user: string;
  password: SecretDraft;
  tls: "verify" | "disable";
  ca: string;
  readOnly: boolean;
}

type Field = keyof PostgresDraft;

export const blankPostgres: PostgresDraft = {
  name: "",
  host: "",
  port: "",
  database: "",
  user: "",
  password: noSecret,
  tls: "verify",
  ca: "",
  readOnly: true,
};

export function postgresDraftOf(connection: Connection): PostgresDraft {
  if (connection.endpoint.case !== "postgres") return { ...blankPostgres, name: connection.name };
  const endpoint = connection.endpoint.value;
  return {
    name: connection.name,
    host: endpoint.host,
    port: endpoint.port === 0 ? "" : String(endpoint.port),
    database: endpoint.database,
    user: endpoint.user,
    password: storedSecret,
    tls: endpoint.tlsMode === TlsMode.DISABLE ? "disable" : "verify",
    ca: endpoint.caPem,
    readOnly: endpoint.accessMode !== AccessMode.READ_WRITE,
  };
}

/** Fills a form from a connection string, and suggests a name if none was entered. */
export function fillFrom(draft: PostgresDraft, dsn: Dsn): PostgresDraft {
  return {
    ...draft,
    host: dsn.host,
    port: String(dsn.port),
    database: dsn.database,
    user: dsn.user,
    password: entered(dsn.password ?? ""),
    tls: dsn.sslmode === "disable" ? "disable" : "verify",
    name: draft.name || nameFor(dsn),
  };
}

/** Suggests the database's name, or the host's first label where the database has a generic name. */
function nameFor({ database, host }: Dsn): string {
  const source = database === "" || database === "postgres" ? (host.split(".")[0] ?? "") : database;
  return suggestedName(source);
}

/** Validates a draft; `stored` is the connection being edited, or null for a new one. */
export function postgresProblems(
  draft: PostgresDraft,
  stored: PostgresDraft | null,
): Problems<Field> {
  const missing = stored === null ? "required" : "passwordAgain";
  return found<Field>({
    name: nameProblem(draft.name, isConnectionName(draft.name)),
    host: hostProblem(draft.host.trim()),
    port: portOf(draft) === null ? "port" : null,
    user: draft.user.trim() === "" ? "required" : null,
    ca: caProblem(draft.ca),
    password: draft.password.text === "" && needsPassword(draft, stored) ? missing : null,
  });
}

function hostProblem(host: string): Problem | null {
  if (host === "") return "required";
  return parseHost(host) === null ? "host" : null;
}

/** Seals are bound to their endpoint, so changing the endpoint requires the password again. */
export function needsPassword(draft: PostgresDraft, stored: PostgresDraft | null): boolean {
  return stored === null || endpointOf(draft) !== endpointOf(stored);
}

/** The endpoint a seal is bound to, with defaults filled in. The user is not part of it. */
function endpointOf(draft: PostgresDraft): string {
  const database = draft.database.trim() || draft.user.trim();
  return JSON.stringify([
    parseHost(draft.host.trim()),
    portOf(draft),
    database,
    draft.tls,
    caOf(draft),
  ]);
}

function portOf({ port }: PostgresDraft): number | null {
  return parsePort(port.trim(), POSTGRES_PORT);
}

/** As the server stores it. */
function caOf({ ca }: PostgresDraft): string {
  return ca.trim();
}

export function postgresChange(draft: PostgresDraft, expectedVersion: bigint): PostgresChange {
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
    ...(draft.password.text === "" ? {} : { password: draft.password.text }),
  };
}

type PostgresChange = Extract<ConnectionChange, { postgres: object }>;

/** The form field for each request field that the server may name in an error. */
export const postgresFields: Readonly<Record<string, Field>> = {
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
