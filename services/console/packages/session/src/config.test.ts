import { describe, expect, it } from "vitest";
import { loadConfig, parseConfig } from "./config.js";
import { SignInError, toProblem } from "./problem.js";

const oidc = { kind: "oidc", authority: "https://id.example.com", clientId: "postern" };
const supabase = {
  kind: "supabase",
  url: "https://abc.supabase.co",
  publishableKey: "sb_publishable_x",
};

const SERVICE_ROLE = `e30.${btoa('{"role":"service_role"}')}.c2ln`;

function problemOf(signIn: unknown): string | undefined {
  try {
    parseConfig({ signIn });
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(SignInError);
    return toProblem(thrown).detail;
  }
  return undefined;
}

describe("parseConfig", () => {
  it("fills in what is optional", () => {
    expect(parseConfig({ signIn: oidc })).toEqual({ ...oidc, scope: "openid profile email" });
    expect(parseConfig({ signIn: supabase })).toEqual({
      ...supabase,
      providers: [],
      magicLink: false,
      password: true,
    });
    expect(parseConfig({ signIn: { kind: "development" } })).toEqual({ kind: "development" });
  });

  it("keeps everything that is set", () => {
    const full = { ...oidc, scope: "openid api", audience: "a", resource: "urn:r" };
    expect(parseConfig({ signIn: full })).toEqual(full);
  });

  it.each(["audience", "resource"])("allows an %s for each service", (name) => {
    const apis = { "connection-service": "urn:c", "proxy-service": "urn:p" };
    expect(parseConfig({ signIn: { ...oidc, [name]: apis } })).toMatchObject({ [name]: apis });
  });

  it("allows plain http on this machine only", () => {
    const authority = "http://127.0.0.1:9000/realm";
    expect(parseConfig({ signIn: { ...oidc, authority } })).toMatchObject({ authority });
  });

  it.each([
    [{}, "signIn.kind is missing"],
    [{ kind: "saml" }, 'signIn.kind must be "oidc"'],
    [{ ...oidc, clientSecret: "s" }, "signIn.clientSecret is not a known field"],
    [{ ...oidc, clientId: undefined }, "signIn.clientId is missing"],
    [{ ...oidc, clientId: "" }, "signIn.clientId must be a text"],
    [{ ...oidc, clientId: 7 }, "signIn.clientId must be a text"],
    [{ ...oidc, scope: "profile" }, "signIn.scope must contain openid"],
    [{ ...oidc, audience: null }, "signIn.audience must be a text"],
    [{ ...oidc, resource: ["urn:r"] }, "signIn.resource must be an object"],
    [{ ...oidc, resource: { "proxy-service": "urn:p" } }, "resource.connection-service is missing"],
    [
      { ...oidc, audience: { "connection-service": "c", "proxy-service": "p", console: "x" } },
      "signIn.audience.console is not a known field",
    ],
    [{ ...oidc, authority: "id.example.com" }, "signIn.authority must be a URL"],
    [{ ...oidc, authority: "http://id.example.com" }, "signIn.authority must start with https://"],
    [{ ...oidc, authority: "javascript:alert(1)" }, "signIn.authority must start with https://"],
    [{ ...oidc, authority: "https://u:p@id.example.com" }, "signIn.authority must have no user"],
    [{ ...oidc, authority: "https://id.example.com?a=b" }, "signIn.authority must have no user"],
    [{ ...supabase, url: "https://abc.supabase.co/auth/v1" }, "without /auth/v1"],
    [{ ...supabase, publishableKey: "sb_secret_x" }, "signIn.publishableKey is a secret key"],
    [{ ...supabase, publishableKey: SERVICE_ROLE }, "signIn.publishableKey is a secret key"],
    [{ ...supabase, providers: "github" }, "signIn.providers must be a list"],
    [{ ...supabase, providers: ["git hub"] }, "signIn.providers must be a list"],
    [{ ...supabase, magicLink: "yes" }, "signIn.magicLink must be true or false"],
    [{ ...supabase, password: false }, "signIn allows none of"],
    [{ kind: "development", user: "alice" }, "signIn.user is not a known field"],
    ["oidc", "signIn must be an object"],
    [[], "signIn must be an object"],
  ])("refuses %j", (signIn, detail) => {
    expect(problemOf(signIn)).toContain(detail);
  });

  it.each([[null], [[]], ["text"], [7]])("refuses %j as the whole file", (value) => {
    expect(() => parseConfig(value)).toThrow("the file must be an object");
  });

  it("refuses a field beside signIn", () => {
    expect(() => parseConfig({ signIn: oidc, signOut: true })).toThrow("signOut is not a known");
  });
});

describe("loadConfig", () => {
  const json = { "content-type": "application/json" };
  const html = { "content-type": "text/html; charset=utf-8" };

  it.each([
    ["a 404", new Response("", { status: 404 }), "configMissing"],
    ["the app's page", new Response("<!doctype html>", { headers: html }), "configMissing"],
    ["a 502", new Response("", { status: 502 }), "configUnreachable"],
    ["broken JSON", new Response("{", { headers: json }), "configInvalid"],
  ])("takes %s for the problem that it is", async (_what, response, kind) => {
    const loaded = loadConfig(async () => response).catch(toProblem);
    expect(await loaded).toMatchObject({ kind });
  });

  it("reports a server that cannot be reached", async () => {
    const failing = async () => {
      throw new TypeError("Failed to fetch");
    };
    expect(await loadConfig(failing).catch(toProblem)).toEqual({ kind: "configUnreachable" });
  });
});
