import type { MessageInitShape } from "@bufbuild/protobuf";
import { type CallOptions, type Client, Code } from "@connectrpc/connect";
import { PosternError, withPosternError } from "./errors.js";
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
    await withPosternError(this.client.deleteConnection({ name, expectedVersion }));
  }
}

function toRequest(
  change: ConnectionChange,
): MessageInitShape<typeof UpsertConnectionRequestSchema> {
  const { name, expectedVersion } = change;
  if ("supabase" in change) {
    const { supabase, publishableKey, secretKey } = change;
    const endpoint = { case: "supabase", value: supabase } as const;
    return { name, expectedVersion, endpoint, publishableKey, secretKey };
  }
  const { password } = change;
  const endpoint =
    "postgresDsn" in change
      ? ({ case: "postgresDsn", value: change.postgresDsn } as const)
      : ({ case: "postgres", value: change.postgres } as const);
  return { name, expectedVersion, endpoint, password };
}

function present({ connection }: { connection?: Connection | undefined }): Connection {
  if (connection !== undefined) return connection;
  throw new PosternError(Code.Internal, "the response has no connection");
}

function callOptions(signal: AbortSignal | undefined): CallOptions {
  return signal ? { signal } : {};
}
