/** A token in the format of a real one, with an invalid signature. */
export function tokenFor(user: string, expiresAtSeconds: number): string {
  const part = (value: object) =>
    btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `${part({ alg: "none" })}.${part({ sub: user, exp: expiresAtSeconds })}.c2ln`;
}

/** A sign-in server with the development server's /config.json and /dev/token. */
export function signInServer({ now = Date.now, lifetime = 900, signIn = "development" } = {}) {
  const requests: { path: string; body: unknown }[] = [];
  const respond = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const path = String(input);
    const body = typeof init?.body === "string" ? JSON.parse(init.body) : null;
    requests.push({ path, body });
    if (path === "/config.json") return Response.json({ sign_in: signIn });
    if (path !== "/dev/token") return new Response(null, { status: 404 });
    const expiresAt = Math.floor(now() / 1000) + lifetime;
    return Response.json({ access_token: tokenFor(body.user, expiresAt) });
  };
  return { fetch: respond as typeof fetch, requests };
}
