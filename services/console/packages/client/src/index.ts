import { createClient, type Transport } from "@connectrpc/connect";
import { Connections } from "./connections";
import { ConnectionService } from "./gen/postern/connection/v1/connection_pb";
import { ProxyService } from "./gen/postern/proxy/v1/proxy_pb";
import { query, type ResultPart, type Statement } from "./query";

export { Code } from "@connectrpc/connect";
export type { TokenSource } from "./auth";
export type { ConnectionChange, PostgresFields } from "./connections";
export { PosternError, type SqlProblem, toPosternError } from "./errors";
export { AccessMode, type Connection, TlsMode } from "./gen/postern/connection/v1/connection_pb";
export { type Column, Encoding } from "./gen/postern/proxy/v1/proxy_pb";
export type { Parameter, ResultPart, Statement, Summary } from "./query";
export { type Cell, Rows } from "./rows";
export { createPosternTransport } from "./transport";

/** Everything a signed-in user can do through the public API. */
export interface Postern {
  readonly connections: Connections;
  query(statement: Statement, signal?: AbortSignal): AsyncGenerator<ResultPart, void, undefined>;
}

export function createPostern(transport: Transport): Postern {
  const proxy = createClient(ProxyService, transport);
  return {
    connections: new Connections(createClient(ConnectionService, transport)),
    query: (statement, signal) => query(proxy, statement, signal),
  };
}
