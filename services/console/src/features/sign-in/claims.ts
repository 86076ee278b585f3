/**
 * Reads the expiry time of a token, so that it can be renewed in time. It does not verify the token;
 * the server does.
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
