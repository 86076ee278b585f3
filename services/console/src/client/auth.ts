import type { Interceptor } from "@connectrpc/connect";

/** Hands out a bearer token that is valid now, renewing it first if need be. */
export interface TokenSource {
  token(): Promise<string>;
}

/** Puts the user's bearer token on every call. */
export function bearer(tokens: TokenSource): Interceptor {
  return (next) => async (request) => {
    request.header.set("authorization", `Bearer ${await tokens.token()}`);
    return next(request);
  };
}
