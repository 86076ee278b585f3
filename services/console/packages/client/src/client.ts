import { createClient, type Transport } from "@connectrpc/connect";
import { Connections } from "./connections.js";
import { type ForwardPart, type ForwardRequest, runForward } from "./forward.js";
import { ConnectionService } from "./gen/postern/connection/v1/connection_pb.js";
import { ProxyService } from "./gen/postern/proxy/v1/proxy_pb.js";
import { type Parameter, Query, type QueryOptions, runQuery } from "./query.js";
import type { Row } from "./rows.js";
import { createPosternTransport, type TransportOptions } from "./transport.js";
import { UserData } from "./userData.js";

/** Everything a signed-in user can do through the public API. */
export interface Postern {
  readonly connections: Connections;
  readonly userData: UserData;

  /**
   * Runs a statement on one of the user's connections. `R` is the shape of a row, which is not checked; integers are
   * `bigint`, and numerics and all other types that JavaScript does not have are text.
   */
  query<R extends object = Row>(
    connection: string,
    sql: string,
    parameters?: readonly Parameter[],
    options?: QueryOptions,
  ): Query<R>;

  /**
   * Sends one HTTP request to a Supabase project and yields its answer: one head, any number of body parts, one summary.
   * `posternFetch` makes a `fetch` of this.
   */
  forward(
    request: ForwardRequest,
    options?: { signal?: AbortSignal },
  ): AsyncGenerator<ForwardPart, void, undefined>;
}

/** A server and the user's tokens, or a transport that has both. */
export type PosternOptions = TransportOptions | { transport: Transport };

export function createPosternClient(options: PosternOptions): Postern {
  const transport = "transport" in options ? options.transport : createPosternTransport(options);
  const proxy = createClient(ProxyService, transport);
  const connections = createClient(ConnectionService, transport);
  return {
    connections: new Connections(connections),
    userData: new UserData(connections),
    query(connection, sql, parameters = [], { signal, ...limits } = {}) {
      const statement = { ...limits, connection, sql, parameters };
      return new Query((maxRows) =>
        runQuery(proxy, maxRows === undefined ? statement : { ...statement, maxRows }, signal),
      );
    },
    forward: (request, { signal } = {}) => runForward(proxy, request, signal),
  };
}
