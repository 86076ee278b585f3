const PASSWORD = "correct horse";

/** Supabase Auth at the level of its network. A refresh token works once; used twice, it ends its session. */
export class FakeGoTrue {
  static readonly URL = "https://abc.supabase.co";
  readonly requests: string[] = [];
  down = false;
  userId = "u1";
  private held: Promise<void> | null = null;
  private valid = new Set<string>();
  private issued = 0;

  readonly fetch = (async (input, init) => {
    if (this.down) throw new TypeError("Failed to fetch");
    const url = new URL(String(input));
    const grant = url.searchParams.get("grant_type");
    this.requests.push(grant ?? url.pathname);
    const response = this.respond(url, grant, init?.body);
    const held = this.held;
    this.held = null;
    await held;
    return response;
  }) as typeof fetch;

  /** Keeps the next response back until the returned function is called. */
  holdNext(): () => void {
    let release: () => void = () => {};
    this.held = new Promise((resolve) => {
      release = resolve;
    });
    return () => release();
  }

  private respond(url: URL, grant: string | null, body: unknown): Response {
    if (grant !== null) return this.token(grant, JSON.parse(String(body)));
    if (url.pathname.endsWith("/logout")) this.valid.clear();
    return Response.json({});
  }

  private token(grant: string, body: Record<string, string>): Response {
    if (grant === "password") {
      return body.password === PASSWORD ? this.session() : refused("invalid_credentials");
    }
    if (grant === "pkce") {
      return body.auth_code === "c1" ? this.session() : refused("flow_state_not_found");
    }
    if (this.valid.delete(body.refresh_token ?? "")) return this.session();
    this.valid.clear();
    return refused("refresh_token_not_found");
  }

  private session(): Response {
    this.issued += 1;
    const refreshToken = `refresh-${this.issued}`;
    this.valid.add(refreshToken);
    return Response.json({
      access_token: `e30.access${this.issued}.c2ln`,
      token_type: "bearer",
      expires_in: 600,
      refresh_token: refreshToken,
      user: { id: this.userId, aud: "authenticated", email: "ada@example.com" },
    });
  }
}

function refused(code: string): Response {
  const headers = { "x-supabase-api-version": "2024-01-01" };
  return Response.json({ code, message: code }, { status: 400, headers });
}
