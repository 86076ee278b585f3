import type { Transport } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { bearer, type TokenSource } from "./auth";

/** Binary gRPC-web to one origin, authenticated with the given tokens. */
export function createPosternTransport(baseUrl: string, tokens: TokenSource): Transport {
  return createGrpcWebTransport({
    baseUrl,
    useBinaryFormat: true,
    interceptors: [bearer(tokens)],
  });
}
