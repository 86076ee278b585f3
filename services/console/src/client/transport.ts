import type { Transport } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { bearer, type TokenSource } from "./auth";

/** The network: binary gRPC-web to one origin, signed in as the user whose tokens these are. */
export function createPosternTransport(baseUrl: string, tokens: TokenSource): Transport {
  return createGrpcWebTransport({
    baseUrl,
    useBinaryFormat: true,
    interceptors: [bearer(tokens)],
  });
}
