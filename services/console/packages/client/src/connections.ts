import type { MessageInitShape } from "@bufbuild/protobuf";
import { type CallOptions, type Client, Code } from "@connectrpc/connect";
import { PosternError, toPosternError } from "./errors.js";
import type {
  Connection,
  ConnectionService,
  PostgresEndpoint,
  SupabaseEndpoint,
  UpsertConnectionRequestSchema,
} from "./gen/postern/connection/v1/connection_pb.js";

/** The largest page the service returns. */
const PAGE_SIZE = 200;

type Fields<M> = Omit<M, "$typeName" | "$unknown">;

/** A Postgres endpoint; fields that are left out have their defaults. */
export type PostgresFields = Partial<Fields<PostgresEndpoint>> &
  Pick<PostgresEndpoint, "host" | "user">;

/** A Supabase project; fields that are left out have their defaults. */
export type SupabaseFields = Partial<Fields<SupabaseEndpoint>> & Pick<SupabaseEndpoint, "url">;

/** A connection to save. Secrets are written and never read: what is left out stays as it is stored. */
export type ConnectionChange = {
  name: string;
  /** The version this change is based on; 0n if the connection must not exist yet. If absent, any version. */
  expectedVersion?: bigint;
} & (
  | { postgres: PostgresFields; password?: string }
  /** postgresql://user:password@host:port/database */
  | { postgresDsn: string; password?: string }
  /** An empty key removes the stored one. */
  | { supabase: SupabaseFields; publishableKey?: string; secretKey?: string }
);

/** The signed-in user's saved connections. Every method throws only PosternError. */
export class Connections {
  private readonly client: Client<typeof ConnectionService>;

  constructor(client: Client<typeof ConnectionService>) {
    this.client = client;
  }

  async list(signal?: AbortSignal): Promise<Connection[]> {
    const all: Connection[] = [];
    let pageToken = "";
    do {
      const page = await withPosternError(
        this.client.listConnections({ pageSize: PAGE_SIZE, pageToken }, callOptions(signal)),
      );
      all.push(...page.connections);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return all;
  }

  async get(name: string, signal?: AbortSignal): Promise<Connection> {
    return present(
      await withPosternError(this.client.getConnection({ name }, callOptions(signal))),
    );
  }

  /** Creates or updates a connection, and returns it as stored. */
  async save(change: ConnectionChange): Promise<Connection> {
    return present(await withPosternError(this.client.upsertConnection(toRequest(change))));
  }

  /** Deletes a connection; with a version, only if it is still that one. */
  async delete(name: string, expectedVersion?: bigint): Promise<void> {
    await withPosternError(this.client.deleteConnection({ name, ...defined({ expectedVersion }) }));
  }
}

function toRequest(
  change: ConnectionChange,
): MessageInitShape<typeof UpsertConnectionRequestSchema> {
  const { name, expectedVersion } = change;
  const base = { name, ...defined({ expectedVersion }) };
  if ("supabase" in change) {
    const { publishableKey, secretKey, supabase } = change;
    const keys = defined({ publishableKey, secretKey });
    return { ...base, ...keys, endpoint: { case: "supabase", value: supabase } };
  }
  const password = defined({ password: change.password });
  if ("postgresDsn" in change) {
    return { ...base, ...password, endpoint: { case: "postgresDsn", value: change.postgresDsn } };
  }
  return { ...base, ...password, endpoint: { case: "postgres", value: change.postgres } };
}

/** Drops the fields that are undefined: a field that is sent, even if empty, is a change. */
function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function present({ connection }: { connection?: Connection | undefined }): Connection {
  if (connection !== undefined) return connection;
  throw new PosternError(Code.Internal, "the response has no connection");
}

function callOptions(signal: AbortSignal | undefined): CallOptions {
  return signal ? { signal } : {};
}

async function withPosternError<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (thrown) {
    throw toPosternError(thrown);
  }
}
