/** The messages and services as the protos define them, for tests with a transport of their own. */
export * from "./gen/google/rpc/error_details_pb.js";
export * from "./gen/postern/connection/v1/connection_pb.js";
export * from "./gen/postern/proxy/v1/proxy_pb.js";
export { bearer } from "./transport.js";
