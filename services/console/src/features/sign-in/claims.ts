/**
 * Reads the expiry out of a token of ours. Nothing is verified here: the server does that, and the
 * console only wants to know when to ask for the next one.
 */
export function claimsOf(token: string): { exp: number } | null {
  try {
    const payload = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const claims: unknown = JSON.parse(atob(payload));
    const exp = (claims as { exp?: unknown } | null)?.exp;
    return typeof exp === "number" ? { exp } : null;
  } catch {
    return null;
  }
}
