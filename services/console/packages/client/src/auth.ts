import type { Interceptor } from "@connectrpc/connect";

/** Returns a bearer token that is valid now, renewing it first if necessary. */
export interface TokenSource {
  token(): Promise<string>;
}

/** Adds the user's bearer token to every call. */
export function bearer(tokens: TokenSource): Interceptor {
  return (next) => async (request) => {
    request.header.set("authorization", `Bearer ${await tokens.token()}`);
    return next(request);
  };
}
