// npm's oidc-provider, with sign-in pages of its own. Its keys, algorithm, clock and lifetimes can be changed while it runs.
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { Provider } from "oidc-provider";
import { clock, serve } from "./control.mjs";
import { Storage } from "./storage.mjs";

const RESOURCE = "urn:postern";

const generators = {
  ES256: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
  RS256: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
  PS256: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
  EdDSA: () => generateKeyPairSync("ed25519"),
};

const settings = {
  algorithm: "ES256",
  /** Where the console is; its callback is registered. */
  origin: "http://127.0.0.1:1",
  /** Of access tokens, in seconds. */
  lifetime: 3600,
  refreshTokens: true,
};

function newKey(alg) {
  const { privateKey } = generators[alg]();
  return { ...privateKey.export({ format: "jwk" }), alg, use: "sig", kid: randomUUID() };
}

let keys = Object.keys(generators).map(newKey);
let issuer;
let handler;

/** The library reads its configuration once. Sessions and grants outlive an instance. */
function rebuild() {
  handler = new Provider(issuer, configuration()).callback();
}

function configuration() {
  return {
    adapter: Storage,
    jwks: { keys },
    cookies: { keys: ["of a test"] },
    clients: [consoleClient(), serviceClient()],
    clientBasedCORS: () => true,
    conformIdTokenClaims: false,
    claims: { openid: ["sub"], profile: ["preferred_username"] },
    findAccount: (_ctx, id) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id }),
    }),
    issueRefreshToken: (_ctx, client) =>
      settings.refreshTokens && client.grantTypeAllowed("refresh_token"),
    expiresWithSession: () => false,
    rotateRefreshToken: () => true,
    ttl: { Session: 3600, Interaction: 3600, Grant: 3600, IdToken: 3600, RefreshToken: 3600 },
    features: {
      devInteractions: { enabled: true },
      revocation: { enabled: true },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => RESOURCE,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: "",
          audience: "postern",
          accessTokenFormat: "jwt",
          accessTokenTTL: settings.lifetime,
          jwt: { sign: { alg: settings.algorithm, kid: newestKey().kid } },
        }),
      },
    },
  };
}

function newestKey() {
  return keys.find(({ alg }) => alg === settings.algorithm);
}

function consoleClient() {
  return {
    client_id: "console",
    token_endpoint_auth_method: "none",
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    redirect_uris: [`${settings.origin}/sign-in/callback`],
    post_logout_redirect_uris: [`${settings.origin}/sign-in/signed-out`],
    id_token_signed_response_alg: settings.algorithm,
  };
}

/** A client that gets a token for itself, without a browser. */
function serviceClient() {
  return {
    client_id: "service",
    client_secret: "of-a-test",
    token_endpoint_auth_method: "client_secret_post",
    grant_types: ["client_credentials"],
    response_types: [],
    redirect_uris: [],
    id_token_signed_response_alg: settings.algorithm,
  };
}

const skew = clock();

await serve(
  (url) => {
    issuer = url;
    rebuild();
    return (request, response) => handler(request, response);
  },
  {
    set: (changes) => {
      Object.assign(settings, changes);
      rebuild();
    },
    /** New keys of every algorithm, which sign from now on; the old ones are withdrawn. */
    rotate: () => {
      keys = Object.keys(generators).map(newKey);
      rebuild();
    },
    skew,
  },
);
