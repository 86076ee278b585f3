import type { Transport } from "@connectrpc/connect";
import { bearer, type ServiceName, type TokenProvider } from "./bearer.js";
import { createGrpcWebTransport } from "./grpcWeb.js";

export { bearer, type ServiceName, type TokenProvider };

export interface TransportOptions {
  /** The origin that serves Postern's API, such as "https://postern.example.com". */
  baseUrl: string;
  token: TokenProvider;
  /** Used instead of the global `fetch`. */
  fetch?: typeof fetch;
}

/** Binary gRPC-web to one origin, authenticated with the user's tokens. */
export function createPosternTransport(options: TransportOptions): Transport {
  return createGrpcWebTransport({
    baseUrl: options.baseUrl,
    interceptors: [bearer(options.token)],
    // The global `fetch` must be called as a method of the global object.
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
  });
}
