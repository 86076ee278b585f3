/**
 * Replace this with your app's sign-in: return a token of the signed-in user from the identity provider that Postern is
 * configured with. This one takes tokens from the development server, which knows no passwords.
 */
export async function token(): Promise<string> {
  if (current === null || current.expiresAt < Date.now()) current = await request();
  return current.token;
}

interface Issued {
  token: string;
  expiresAt: number;
}

/** Far less than a development token's lifetime. */
const RENEW_AFTER_MS = 60_000;

let current: Issued | null = null;

async function request(): Promise<Issued> {
  const body = JSON.stringify({ user: "alice" });
  const headers = { "content-type": "application/json" };
  const response = await fetch("/dev/token", { method: "POST", headers, body });
  if (!response.ok) throw new Error(`the sign-in failed with status ${response.status}`);
  const { access_token } = await response.json();
  return { token: access_token, expiresAt: Date.now() + RENEW_AFTER_MS };
}
