import type { Interceptor, Transport } from "@connectrpc/connect";
import { createGrpcWebTransport } from "./grpcWeb.js";

/** Returns a token that Postern accepts now, renewing it first if necessary. Called for every request. */
export type TokenProvider = () => string | Promise<string>;

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

/** Adds the user's bearer token to every call. */
export function bearer(token: TokenProvider): Interceptor {
  return (next) => async (request) => {
    request.header.set("authorization", `Bearer ${await token()}`);
    return next(request);
  };
}
