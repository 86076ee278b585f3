import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { OidcConfig } from "./config.js";
import { Session, SignedOutError } from "./session.js";
import { TestBrowser, tabsTogether } from "./testing/browser.js";
import { FakeProvider } from "./testing/provider.js";

const oidc: OidcConfig = {
  kind: "oidc",
  authority: FakeProvider.AUTHORITY,
  clientId: "console",
  scope: "openid profile",
};

let config: OidcConfig;
let provider: FakeProvider;
let newTabs: ReturnType<typeof tabsTogether>;

beforeEach(() => {
  config = oidc;
  provider = new FakeProvider();
  newTabs = tabsTogether();
  // oidc-client-ts calls the global one.
  vi.stubGlobal("fetch", provider.fetch);
});
afterEach(() => vi.unstubAllGlobals());

/** Opens a page, in a new tab or in the one that another page was in. */
async function open(path: string, before?: TestBrowser) {
  const browser = new TestBrowser(provider.fetch, path, before);
  const session = new Session({ config, browser, tabs: newTabs() });
  await session.start();
  return { session, browser, problem: () => session.snapshot().problem?.kind };
}

function lastOf(browser: TestBrowser): URL {
  return browser.left.at(-1) ?? new URL("https://nowhere.example.com");
}

/** Signs in by way of the provider's page. */
async function signedIn(path = "/query/demo?a=b") {
  const { session, browser } = await open(path);
  await session.signIn({ kind: "oidc" });
  return open(provider.answer(lastOf(browser)), browser);
}

describe("signing in", () => {
  it("goes to the provider with PKCE, state and nonce, and returns to where one was", async () => {
    const { session, browser } = await signedIn();
    const request = await open("/x").then(async (tab) => {
      await tab.session.signIn({ kind: "oidc" });
      return lastOf(tab.browser).searchParams;
    });
    expect(request.get("code_challenge_method")).toBe("S256");
    expect(request.get("redirect_uri")).toBe("https://console.example.com/sign-in/callback");
    expect(request.get("nonce")).toBeTruthy();
    expect(session.snapshot()).toMatchObject({
      phase: "signedIn",
      user: { id: "u1", name: "ada" },
    });
    expect(browser.path).toBe("/query/demo?a=b");
  });

  it("stores no token anywhere", async () => {
    const { session, browser } = await signedIn();
    const token = await session.token();
    expect(browser.stored()).not.toContain(token);
    expect(browser.stored()).not.toContain("refresh-");
    expect(browser.stored()).not.toContain("c2ln");
  });

  it("never returns to another origin", async () => {
    const { browser } = await signedIn("//evil.example.com/");
    expect(browser.url().origin).toBe("https://console.example.com");
  });
});

describe("a sign-in that goes wrong", () => {
  const left = async () => {
    const { session, browser } = await open("/");
    await session.signIn({ kind: "oidc" });
    return browser;
  };

  it.each([
    ["access_denied", "refused"],
    ["unauthorized_client", "misconfigured"],
    ["invalid_scope", "misconfigured"],
    ["server_error", "unreachable"],
  ])("shows the provider's %s as %s", async (error, kind) => {
    const browser = await left();
    const { problem, browser: after } = await open(
      provider.answer(lastOf(browser), { error }),
      browser,
    );
    expect(problem()).toBe(kind);
    expect(after.path).toBe("/");
  });

  it("does not accept a state that this tab did not make", async () => {
    const browser = await left();
    const answer = provider.answer(lastOf(browser));
    expect((await open(answer)).problem()).toBe("stale");
    expect((await open("/sign-in/callback?code=c&state=x", browser)).problem()).toBe("stale");
    expect((await open("/sign-in/callback")).problem()).toBe("stale");
  });

  it("does not accept an answer twice", async () => {
    const browser = await left();
    const answer = provider.answer(lastOf(browser));
    expect((await open(answer, browser)).session.snapshot().phase).toBe("signedIn");
    expect((await open(answer, browser)).problem()).toBe("stale");
  });

  it("does not accept an ID token with another nonce", async () => {
    const browser = await left();
    provider.forgedNonce = "another";
    const { problem, session } = await open(provider.answer(lastOf(browser)), browser);
    expect(problem()).toBe("untrusted");
    await expect(session.token()).rejects.toThrow(SignedOutError);
  });

  it("does not show text that somebody has put into a link", async () => {
    const browser = await left();
    const answer = provider.answer(lastOf(browser), { error: "Call <b>+1 555</b>" });
    const { session } = await open(answer, browser);
    expect(session.snapshot().problem).toEqual({ kind: "misconfigured", detail: "error" });
  });

  it("says so if the provider cannot be reached, and goes on when it can", async () => {
    provider.down = true;
    const { session, browser, problem } = await open("/");
    await session.signIn({ kind: "oidc" });
    expect(session.snapshot().problem).toEqual({ kind: "unreachable", detail: "id.example.com" });
    provider.down = false;
    await session.signIn({ kind: "oidc" });
    expect(problem()).toBeUndefined();
    expect(browser.left).toHaveLength(1);
  });

  it("explains the redirect URI to somebody who comes back without an answer", async () => {
    const browser = await left();
    const { session } = await open("/", browser);
    expect(session.snapshot().problem).toEqual({
      kind: "interrupted",
      detail: "https://console.example.com/sign-in/callback",
    });
    expect((await open("/", browser)).problem()).toBeUndefined();
  });

  it("asks for another configuration if access tokens are opaque", async () => {
    const browser = await left();
    provider.opaque = true;
    const { problem } = await open(provider.answer(lastOf(browser)), browser);
    expect(problem()).toBe("opaqueToken");
  });
});

describe("after a reload", () => {
  it("asks the provider silently, and returns to the page", async () => {
    const { browser } = await signedIn("/connections");
    const reloaded = await open("/connections", browser);
    expect(reloaded.session.snapshot().phase).toBe("leaving");
    const request = lastOf(reloaded.browser);
    expect(request.searchParams.get("prompt")).toBe("none");
    const { session, browser: after } = await open(provider.answer(request), reloaded.browser);
    expect(session.snapshot().phase).toBe("signedIn");
    expect(after.path).toBe("/connections");
  });

  it("says so if the provider cannot be reached, and keeps the page to return to", async () => {
    const { browser } = await signedIn("/connections");
    provider.down = true;
    const { session, browser: after } = await open("/connections", browser);
    expect(session.snapshot()).toMatchObject({
      phase: "signedOut",
      problem: { kind: "unreachable" },
    });
    provider.down = false;
    await session.signIn({ kind: "oidc" });
    const answered = await open(provider.answer(lastOf(after)), after);
    expect(answered.session.snapshot().phase).toBe("signedIn");
    expect(answered.browser.path).toBe("/connections");
  });

  it("shows the sign-in page, once, if the provider's session has ended", async () => {
    const { browser } = await signedIn("/connections");
    const reloaded = await open("/connections", browser);
    const answer = provider.answer(lastOf(reloaded.browser), { error: "login_required" });
    const { session, browser: after } = await open(answer, reloaded.browser);
    expect(session.snapshot()).toMatchObject({ phase: "signedOut", problem: null });
    expect(after.path).toBe("/connections");
    const again = await open("/connections", after);
    expect(again.browser.left).toEqual([]);
  });
});

describe("a token", () => {
  it("is renewed shortly before it expires, once for all callers, with a rotating refresh token", async () => {
    const { session, browser } = await signedIn();
    const first = await session.token();
    browser.time += 560_000;
    expect(await session.token()).toBe(first);
    browser.time += 20_000;
    const [second, same] = await Promise.all([session.token(), session.token()]);
    expect(second).not.toBe(first);
    expect(same).toBe(second);
    browser.time += 600_000;
    await session.token();
    const used = provider.requests.flatMap(({ form }) => form.get("refresh_token") ?? []);
    expect(used).toEqual(["refresh-1", "refresh-2"]);
  });

  it("is renewed at once if the server has refused it", async () => {
    const { session } = await signedIn();
    const first = await session.token();
    expect(await session.token(first)).not.toBe(first);
    expect(provider.grants()).toEqual(["authorization_code", "refresh_token"]);
  });

  it("goes on being used while the provider is down, and calls fail only once it has expired", async () => {
    const { session, browser, problem } = await signedIn();
    const token = await session.token();
    provider.down = true;
    browser.time += 580_000;
    expect(await session.token()).toBe(token);
    expect(session.snapshot()).toMatchObject({
      phase: "signedIn",
      problem: { kind: "unreachable" },
    });
    browser.time += 3_600_000;
    await expect(session.token()).rejects.toThrow(TypeError);
    expect(session.snapshot().phase).toBe("signedIn");
    provider.down = false;
    expect(await session.token()).not.toBe(token);
    expect(problem()).toBeUndefined();
  });

  it("that cannot be renewed ends the session, and keeps whose it was", async () => {
    const { session, browser } = await signedIn();
    provider.refusal = "invalid_grant";
    browser.time += 600_000;
    await expect(session.token()).rejects.toThrow(SignedOutError);
    expect(session.snapshot()).toMatchObject({
      phase: "expired",
      user: { id: "u1" },
      problem: { kind: "expired" },
    });
  });

  it("of another user ends the session", async () => {
    const { session, browser } = await signedIn();
    provider.sub = "u2";
    browser.time += 600_000;
    await expect(session.token()).rejects.toThrow(SignedOutError);
    expect(session.snapshot().phase).toBe("expired");
  });

  it("that the server refuses although it is new is no matter of time", async () => {
    const { session } = await signedIn();
    await session.token(await session.token());
    session.refuse();
    expect(session.snapshot()).toMatchObject({
      phase: "expired",
      problem: { kind: "tokenRefused" },
    });
  });

  it("that is renewed during a sign-out is dropped", async () => {
    const { session, browser } = await signedIn();
    browser.time += 600_000;
    const late = session.token();
    await session.signOut();
    await expect(late).rejects.toThrow(SignedOutError);
    expect(session.snapshot().user).toBeNull();
  });
});

describe("signing out", () => {
  it("signs out at the provider, revokes the refresh token and is not undone by a reload", async () => {
    const { session, browser } = await signedIn();
    await session.signOut();
    expect(session.snapshot()).toMatchObject({ phase: "leaving", user: null });
    expect(lastOf(browser).pathname).toBe("/logout");
    expect(lastOf(browser).searchParams.get("id_token_hint")).toBeTruthy();
    expect(provider.requests.at(-1)).toMatchObject({ path: "/revoke" });
    const { session: after } = await open("/sign-in/signed-out", browser);
    expect(after.snapshot()).toMatchObject({ phase: "signedOut", notice: "signedOut" });
  });

  it("says so if the provider cannot be told", async () => {
    const { session } = await signedIn();
    provider.down = true;
    await session.signOut();
    expect(session.snapshot()).toMatchObject({ phase: "signedOut", notice: "signedOutHereOnly" });
    await expect(session.token()).rejects.toThrow(SignedOutError);
  });

  it("signs out the other tabs of the same user", async () => {
    const first = await signedIn();
    const second = await signedIn();
    await first.session.signOut();
    expect(second.session.snapshot()).toMatchObject({
      phase: "signedOut",
      notice: "signedOutElsewhere",
    });
    await expect(second.session.token()).rejects.toThrow(SignedOutError);
    expect((await open("/", second.browser)).browser.left).toEqual([]);
  });
});

describe("with an API for each service", () => {
  const apis = { "connection-service": "urn:connections", "proxy-service": "urn:queries" };

  /** Whose API a token is for. */
  const audience = (token: string) => JSON.parse(atob(token.split(".")[1] ?? "")).aud;

  async function tokensOf(session: Session): Promise<string[]> {
    const tokens = [
      session.token(undefined, "connection-service"),
      session.token(undefined, "proxy-service"),
    ];
    return Promise.all(tokens);
  }

  it.each(["resource", "audience"])("selected by %s, each gets tokens of its own", async (by) => {
    config = { ...oidc, [by]: apis };
    const { session } = await signedIn();
    const tokens = await tokensOf(session);
    expect(tokens.map(audience)).toEqual(["urn:connections", "urn:queries"]);
    expect(await tokensOf(session)).toEqual(tokens);
    expect(provider.grants()).toEqual(["authorization_code", "refresh_token"]);
  });

  it("consent is asked for both at once", async () => {
    config = { ...oidc, resource: apis };
    const { session, browser } = await open("/");
    await session.signIn({ kind: "oidc" });
    expect(lastOf(browser).searchParams.getAll("resource")).toEqual(Object.values(apis));
  });

  it("the code is for the first API if the provider takes only one", async () => {
    config = { ...oidc, audience: apis };
    const { session, browser } = await open("/");
    await session.signIn({ kind: "oidc" });
    expect(lastOf(browser).searchParams.getAll("audience")).toEqual(["urn:connections"]);
  });

  it("no refresh token is used twice, although both tokens expire at once", async () => {
    config = { ...oidc, resource: apis };
    const { session, browser } = await signedIn();
    await tokensOf(session);
    browser.time += 600_000;
    expect((await tokensOf(session)).map(audience)).toEqual(["urn:connections", "urn:queries"]);
    const used = provider.requests.flatMap(({ form }) => form.get("refresh_token") ?? []);
    expect(used).toEqual(["refresh-1", "refresh-2", "refresh-3"]);
  });

  it("a token that one service refuses is renewed, and the other's is kept", async () => {
    config = { ...oidc, resource: apis };
    const { session } = await signedIn();
    const [connections, queries = ""] = await tokensOf(session);
    const renewed = await session.token(queries, "proxy-service");
    expect(renewed).not.toBe(queries);
    expect(await tokensOf(session)).toEqual([connections, renewed]);
  });

  it("a renewal that waits for the other's is not begun after a sign-out", async () => {
    config = { ...oidc, resource: apis };
    const { session, browser } = await signedIn();
    browser.time += 600_000;
    const late = tokensOf(session);
    const refused = expect(late).rejects.toThrow(SignedOutError);
    await session.signOut();
    await refused;
    await expect(session.token(undefined, "proxy-service")).rejects.toThrow(SignedOutError);
    const renewals = provider.grants().filter((grant) => grant === "refresh_token");
    expect(renewals.length).toBeLessThan(2);
  });
});
