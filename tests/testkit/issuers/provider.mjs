// npm's oidc-provider, with sign-in pages of its own. Its keys, algorithm, clock and lifetimes can be changed while it runs.
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { errors, Provider } from "oidc-provider";
import { clock, serve } from "./control.mjs";
import { Storage } from "./storage.mjs";

/** The APIs that tokens are for. Each is the only audience of its tokens. */
const RESOURCES = ["urn:postern:connection-service", "urn:postern:proxy-service"];

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
  /** Whether its cookies are for frames of other sites too, as providers for silent renewals set them. */
  crossSiteCookies: false,
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
        // A token is for one API: a request that leaves open for which of several fails.
        defaultResource: (_ctx, _client, oneOf) => oneOf ?? RESOURCES[0],
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, resource) => {
          if (!RESOURCES.includes(resource)) throw new errors.InvalidTarget();
          return {
            scope: "",
            audience: resource,
            accessTokenFormat: "jwt",
            accessTokenTTL: settings.lifetime,
            jwt: { sign: { alg: settings.algorithm, kid: newestKey().kid } },
          };
        },
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

/** Browsers accept such cookies over plain HTTP from this machine; the library would not set them. */
function allowCrossSiteCookies(response) {
  const setHeader = response.setHeader.bind(response);
  response.setHeader = (name, value) => {
    if (name.toLowerCase() !== "set-cookie") return setHeader(name, value);
    const cookies = [value].flat().map((cookie) => cookie.replace(/; *samesite=\w+/i, ""));
    return setHeader(
      name,
      cookies.map((cookie) => `${cookie}; SameSite=None; Secure`),
    );
  };
}

const skew = clock();

await serve(
  (url) => {
    issuer = url;
    rebuild();
    return (request, response) => {
      if (settings.crossSiteCookies) allowCrossSiteCookies(response);
      return handler(request, response);
    };
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
