import { type Client, Code } from "@connectrpc/connect";
import { PosternError, toPosternError } from "./errors";
import type {
  Connection,
  ConnectionService,
  PostgresEndpoint,
} from "./gen/postern/connection/v1/connection_pb";

/** The largest page the service returns. */
const PAGE_SIZE = 200;

/** The fields of a Postgres endpoint, without the message metadata. */
export type PostgresFields = Omit<PostgresEndpoint, "$typeName" | "$unknown">;

export interface ConnectionChange {
  name: string;
  postgres: PostgresFields;
  /** If absent, the stored password is kept. */
  password?: string;
  /** The version this change is based on; 0n if the connection must not exist yet. */
  expectedVersion: bigint;
}

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
        this.client.listConnections({ pageSize: PAGE_SIZE, pageToken }, signal ? { signal } : {}),
      );
      all.push(...page.connections);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return all;
  }

  async save({ name, postgres, password, expectedVersion }: ConnectionChange): Promise<Connection> {
    const { connection } = await withPosternError(
      this.client.upsertConnection({
        name,
        endpoint: { case: "postgres", value: postgres },
        expectedVersion,
        ...(password === undefined ? {} : { password }),
      }),
    );
    if (connection === undefined)
      throw new PosternError(Code.Internal, "the response has no connection");
    return connection;
  }

  async delete(name: string, expectedVersion: bigint): Promise<void> {
    await withPosternError(this.client.deleteConnection({ name, expectedVersion }));
  }
}

async function withPosternError<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (thrown) {
    throw toPosternError(thrown);
  }
}
