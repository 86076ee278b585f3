let minted = 0;

/** A token in the format of a real one, with an invalid signature. No two are alike. */
function tokenFor(user: string, expiresAtSeconds: number): string {
  const part = (value: object) =>
    btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  minted += 1;
  return `${part({ alg: "none" })}.${part({ sub: user, exp: expiresAtSeconds, jti: minted })}.c2ln`;
}

const LIFETIME_SECONDS = 900;

/** A sign-in server with the development server's /config.json and /dev/token. */
export function signInServer() {
  const server = {
    requests: [] as { path: string; body: unknown }[],
    config: { signIn: { kind: "development" } } as object | null,
    fetch: (async (input, init) => {
      const path = String(input);
      const body = typeof init?.body === "string" ? JSON.parse(init.body) : null;
      server.requests.push({ path, body });
      if (path === "/config.json") return Response.json(server.config);
      if (path !== "/dev/token") return new Response(null, { status: 404 });
      const token = tokenFor(body.user, Math.floor(Date.now() / 1000) + LIFETIME_SECONDS);
      return Response.json({ access_token: token, expires_in: LIFETIME_SECONDS });
    }) as typeof fetch,
  };
  return server;
}
