import { type Client, Code } from "@connectrpc/connect";
import { PosternError, toPosternError } from "./errors";
import type {
  Connection,
  ConnectionService,
  PostgresEndpoint,
} from "./gen/postern/connection/v1/connection_pb";

/** The most the service returns at once. */
const PAGE_SIZE = 200;

/** The fields of a Postgres endpoint, without the message's own bookkeeping. */
export type PostgresFields = Omit<PostgresEndpoint, "$typeName" | "$unknown">;

export interface ConnectionChange {
  name: string;
  postgres: PostgresFields;
  /** Absent: keep the stored one. */
  password?: string;
  /** The version this change starts from; 0n: the connection must not exist yet. */
  expectedVersion: bigint;
}

/** The saved connections of the signed-in user. Every failure is a PosternError. */
export class Connections {
  private readonly client: Client<typeof ConnectionService>;

  constructor(client: Client<typeof ConnectionService>) {
    this.client = client;
  }

  async list(signal?: AbortSignal): Promise<Connection[]> {
    const all: Connection[] = [];
    let pageToken = "";
    do {
      const page = await decoding(
        this.client.listConnections({ pageSize: PAGE_SIZE, pageToken }, signal ? { signal } : {}),
      );
      all.push(...page.connections);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return all;
  }

  async save({ name, postgres, password, expectedVersion }: ConnectionChange): Promise<Connection> {
    const { connection } = await decoding(
      this.client.upsertConnection({
        name,
        endpoint: { case: "postgres", value: postgres },
        expectedVersion,
        ...(password === undefined ? {} : { password }),
      }),
    );
    if (connection === undefined)
      throw new PosternError(Code.Internal, "the answer has no connection");
    return connection;
  }

  async delete(name: string, expectedVersion: bigint): Promise<void> {
    await decoding(this.client.deleteConnection({ name, expectedVersion }));
  }
}

async function decoding<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (thrown) {
    throw toPosternError(thrown);
  }
}
