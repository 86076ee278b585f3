// The endpoints of Supabase Auth that its client library uses, with tokens of the same shape. Any user with the password
// "correct horse" may sign in; a user named anonymous… is an anonymous one.
import { createHash, randomUUID } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { clock, serve, text } from "./control.mjs";

const PASSWORD = "correct horse";
const HS256_SECRET = process.env.HS256_SECRET ?? "";

const settings = { lifetime: 3600, role: "authenticated" };
const sessions = new Map();
const codes = new Map();
const usedTokens = new Map();
/** The links that would have been sent. */
const mails = [];
let issuer;
let key = await newKey();

async function newKey() {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), alg: "ES256", use: "sig", kid: randomUUID() };
  return { privateKey, jwk };
}

async function accessToken(user, sessionId) {
  const claims = {
    email: user.email,
    phone: "",
    role: settings.role,
    aal: "aal1",
    session_id: sessionId,
    is_anonymous: user.is_anonymous,
    app_metadata: { provider: "email" },
    user_metadata: {},
  };
  const now = Math.floor(Date.now() / 1000);
  const token = new SignJWT(claims)
    .setIssuer(issuer)
    .setAudience("authenticated")
    .setSubject(user.id)
    .setIssuedAt(now)
    .setExpirationTime(now + settings.lifetime);
  if (HS256_SECRET !== "") {
    return token.setProtectedHeader({ alg: "HS256", typ: "JWT" }).sign(Buffer.from(HS256_SECRET));
  }
  return token.setProtectedHeader({ alg: "ES256", typ: "JWT", kid: key.jwk.kid }).sign(key.privateKey);
}

function userOf(email) {
  const hex = createHash("sha256").update(email).digest("hex");
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  const is_anonymous = email.startsWith("anonymous");
  return { id, aud: "authenticated", role: settings.role, email, is_anonymous, app_metadata: {}, user_metadata: {} };
}

async function newSession(user, sessionId = randomUUID()) {
  const refreshToken = randomUUID();
  sessions.set(refreshToken, { user, sessionId });
  return {
    access_token: await accessToken(user, sessionId),
    token_type: "bearer",
    expires_in: settings.lifetime,
    expires_at: Math.floor(Date.now() / 1000) + settings.lifetime,
    refresh_token: refreshToken,
    user,
  };
}

class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

const grants = {
  password: ({ email, password }) => {
    if (password !== PASSWORD) throw new Refusal(400, "invalid_credentials", "Invalid login credentials");
    return newSession(userOf(email));
  },
  refresh_token: ({ refresh_token }) => {
    const found = sessions.get(refresh_token) ?? recentlyUsed(refresh_token);
    if (found === undefined) {
      // A token that is used twice was stolen or duplicated: its whole session ends.
      revoke(usedTokens.get(refresh_token)?.sessionId);
      throw new Refusal(400, "refresh_token_not_found", "Invalid Refresh Token");
    }
    sessions.delete(refresh_token);
    usedTokens.set(refresh_token, { at: Date.now(), ...found });
    return newSession(found.user, found.sessionId);
  },
  pkce: ({ auth_code, code_verifier }) => {
    const { email, challenge } = codes.get(auth_code) ?? {};
    codes.delete(auth_code);
    const hashed = createHash("sha256").update(code_verifier).digest("base64url");
    if (hashed !== challenge) throw new Refusal(400, "bad_code_verifier", "code challenge does not match");
    return newSession(userOf(email));
  },
};

/** As Supabase does by default: a page that is reloaded during a renewal may use its token again for ten seconds. */
function recentlyUsed(refreshToken) {
  const used = usedTokens.get(refreshToken);
  return used !== undefined && Date.now() - used.at < 10_000 ? used : undefined;
}

function revoke(sessionId) {
  for (const [token, used] of usedTokens) if (used.sessionId === sessionId) usedTokens.delete(token);

  for (const [token, session] of sessions) if (session.sessionId === sessionId) sessions.delete(token);
}

function codeFor(email, challenge) {
  const code = randomUUID();
  codes.set(code, { email, challenge });
  return code;
}

const routes = {
  "POST /auth/v1/token": (url, body) => grants[url.searchParams.get("grant_type")](body),
  "POST /auth/v1/otp": (url, { email, code_challenge }) => {
    const link = new URL(url.searchParams.get("redirect_to"));
    link.searchParams.set("code", codeFor(email, code_challenge));
    mails.push({ email, link: link.href });
    return {};
  },
  "POST /auth/v1/logout": (_url, _body, request) => {
    revoke(claimsOf(request).session_id);
    return {};
  },
  "GET /auth/v1/user": (_url, _body, request) => userOf(claimsOf(request).email),
  "GET /auth/v1/.well-known/jwks.json": () => ({ keys: HS256_SECRET === "" ? [key.jwk] : [] }),
};

function claimsOf(request) {
  const payload = (request.headers.authorization ?? "").split(".")[1] ?? "";
  return JSON.parse(Buffer.from(payload, "base64url").toString() || "{}");
}

const cors = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "*, authorization, apikey, content-type, x-client-info, x-supabase-api-version",
  "access-control-allow-methods": "GET, POST",
  "access-control-expose-headers": "x-supabase-api-version",
  // From this version on, an error's `code` is a word.
  "x-supabase-api-version": "2024-01-01",
};

/** An OAuth provider that always agrees: back to the app with a code. */
function authorize(url, response) {
  const back = new URL(url.searchParams.get("redirect_to"));
  const email = `${url.searchParams.get("provider")}@example.com`;
  back.searchParams.set("code", codeFor(email, url.searchParams.get("code_challenge")));
  response.writeHead(302, { location: back.href }).end();
}

async function handle(request, response) {
  const url = new URL(request.url, issuer);
  if (url.pathname === "/auth/v1/authorize") return authorize(url, response);
  if (request.method === "OPTIONS") return response.writeHead(204, cors).end();
  const answer = (status, body) =>
    response.writeHead(status, { ...cors, "content-type": "application/json" }).end(JSON.stringify(body));
  try {
    const route = routes[`${request.method} ${url.pathname}`];
    if (route === undefined) throw new Refusal(404, "not_found", "no such route");
    answer(200, await route(url, JSON.parse((await text(request)) || "{}"), request));
  } catch (error) {
    answer(error.status ?? 500, { code: error.code ?? "unexpected_failure", message: error.message });
  }
}

await serve(
  (url) => {
    issuer = `${url}/auth/v1`;
    return handle;
  },
  {
    set: (changes) => void Object.assign(settings, changes),
    rotate: async () => {
      key = await newKey();
    },
    skew: clock(),
    mails: () => mails,
  },
);
