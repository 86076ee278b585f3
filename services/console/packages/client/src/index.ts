export { Code } from "@connectrpc/connect";
export { createPosternClient, type Postern, type PosternOptions } from "./client.js";
export type {
  ConnectionChange,
  Connections,
  PostgresFields,
  SupabaseFields,
} from "./connections.js";
export { PosternError, type SqlProblem, toPosternError } from "./errors.js";
export type {
  ForwardPart,
  ForwardRequest,
  ForwardSummary,
  HttpMethodName,
  SupabaseServiceName,
} from "./forward.js";
export {
  AccessMode,
  type Connection,
  type PostgresEndpoint,
  SecretName,
  ServingKey,
  type StoredSecret,
  type SupabaseEndpoint,
  SupabaseKeySort,
  SupabaseService,
  TlsMode,
} from "./gen/postern/connection/v1/connection_pb.js";
export { type Column, Encoding } from "./gen/postern/proxy/v1/proxy_pb.js";
export { type PosternFetchOptions, posternFetch } from "./posternFetch.js";
export type {
  Parameter,
  Query,
  QueryOptions,
  QueryResult,
  ResultPart,
  Statement,
  Summary,
  Timings,
} from "./query.js";
export { type Cell, type Row, Rows } from "./rows.js";
export {
  createPosternTransport,
  type ServiceName,
  type TokenProvider,
  type TransportOptions,
} from "./transport.js";
export type { ErasedData, UserData } from "./userData.js";
