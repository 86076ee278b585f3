/** An OpenID provider at the level of its network: discovery, token and revocation endpoints. */
export class FakeProvider {
  static readonly AUTHORITY = "https://id.example.com";
  readonly requests: { path: string; form: URLSearchParams }[] = [];
  down = false;
  lifetime = 600;
  refreshTokens = true;
  /** The next answer of the token endpoint, instead of tokens. */
  refusal: string | null = null;
  sub = "u1";
  /** In the ID token, instead of the nonce of the request. */
  forgedNonce: string | undefined;
  opaque = false;
  private issued = 0;
  private nonce = "";

  readonly fetch = (async (input, init) => {
    if (this.down) throw new TypeError("Failed to fetch");
    const { pathname } = new URL(String(input));
    if (pathname === "/.well-known/openid-configuration") return json(metadata);
    const form = new URLSearchParams(String(init?.body ?? ""));
    this.requests.push({ path: pathname, form });
    // As npm's oidc-provider answers.
    if (pathname !== "/token")
      return new Response("", { headers: { "content-type": "text/plain" } });
    if (this.refusal !== null) return json({ error: this.refusal }, 400);
    return json(this.tokens(form));
  }) as typeof fetch;

  /** The address that the provider sends the browser back to. */
  answer(request: URL, parameters: Record<string, string> = { code: "c1" }): string {
    this.nonce = request.searchParams.get("nonce") ?? "";
    const state = request.searchParams.get("state") ?? "";
    return `/sign-in/callback?${new URLSearchParams({ state, ...parameters })}`;
  }

  /** Requests to the token endpoint, by grant type. */
  grants(): (string | null)[] {
    return this.requests
      .filter(({ path }) => path === "/token")
      .map(({ form }) => form.get("grant_type"));
  }

  private tokens(form: URLSearchParams) {
    this.issued += 1;
    const aud = form.get("resource") ?? form.get("audience") ?? "postern";
    const claims = {
      sub: this.sub,
      preferred_username: "ada",
      nonce: this.forgedNonce ?? this.nonce,
    };
    return {
      access_token: this.opaque ? "opaque" : jwt({ sub: this.sub, aud, issued: this.issued }),
      id_token: jwt({ iss: FakeProvider.AUTHORITY, aud: "console", ...claims }),
      token_type: "Bearer",
      expires_in: this.lifetime,
      ...(this.refreshTokens ? { refresh_token: `refresh-${this.issued}` } : {}),
    };
  }
}

const at = (path: string) => FakeProvider.AUTHORITY + path;

const metadata = {
  issuer: FakeProvider.AUTHORITY,
  authorization_endpoint: at("/auth"),
  token_endpoint: at("/token"),
  revocation_endpoint: at("/revoke"),
  end_session_endpoint: at("/logout"),
};

function json(body: object, status = 200): Response {
  return Response.json(body, { status });
}

function jwt(claims: object): string {
  const part = (value: object) =>
    btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `${part({ alg: "ES256" })}.${part(claims)}.c2ln`;
}
