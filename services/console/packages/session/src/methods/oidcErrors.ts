import { ErrorResponse, ErrorTimeout } from "oidc-client-ts";
import type { OidcConfig } from "../config.js";
import { errorCode, type ProblemKind, SignInError } from "../problem.js";

/** OpenID Connect Core 1.0, 3.1.2.6: what a provider answers to `prompt=none` when it would have to show a page. */
const NEEDS_USER = [
  "login_required",
  "interaction_required",
  "consent_required",
  "account_selection_required",
];

/** Whether the provider cannot sign in without showing a page. */
export function needsUser(thrown: unknown): thrown is ErrorResponse {
  return thrown instanceof ErrorResponse && NEEDS_USER.includes(thrown.error ?? "");
}

const CODES: Readonly<Record<string, ProblemKind>> = {
  access_denied: "refused",
  server_error: "unreachable",
  temporarily_unavailable: "unreachable",
};

/** Messages of oidc-client-ts, which has no error types for these. The tests notice if they change. */
const MESSAGES: readonly (readonly [RegExp, ProblemKind])[] = [
  [/No matching state found|No state in response/, "stale"],
  [/State does not match|nonce in id_token|sub in id_token|mismatch on settings/, "untrusted"],
  [/subject claim|id_token|Invalid response|Expected code/, "untrusted"],
  [/Crypto\.subtle/, "misconfigured"],
  [/\(404\)|Content-Type|Metadata does not contain/, "misconfigured"],
  [/\(5\d\d\)/, "unreachable"],
];

/** Converts what oidc-client-ts throws. A renewal fails with `silentFailed` when only the user can help. */
export function asSignInError(
  thrown: unknown,
  config: OidcConfig,
  during: "signIn" | "renewal" = "signIn",
): SignInError {
  if (thrown instanceof SignInError) return thrown;
  const provider = new URL(config.authority).host;
  if (thrown instanceof ErrorResponse) return refused(thrown, provider, during);
  if (thrown instanceof ErrorTimeout) {
    const framed = thrown.message.startsWith("IFrame");
    return new SignInError(framed ? "silentFailed" : "unreachable", provider, thrown);
  }
  // `fetch` reports a server that it cannot reach, or may not read, as a TypeError.
  if (thrown instanceof TypeError) return new SignInError("unreachable", provider, thrown);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const kind = MESSAGES.find(([pattern]) => pattern.test(message))?.[1] ?? "unexpected";
  return new SignInError(kind, kind === "unexpected" ? message : provider, thrown);
}

function refused(
  response: ErrorResponse,
  provider: string,
  during: "signIn" | "renewal",
): SignInError {
  const code = errorCode(response.error) ?? "error";
  const kind = CODES[code];
  if (kind === "unreachable") return new SignInError(kind, provider, response);
  if (during === "renewal") {
    // An expired, revoked or replayed refresh token, or a session that has ended.
    if (needsUser(response)) return new SignInError("silentFailed", provider, response);
    if (code === "invalid_grant") return new SignInError("expired", undefined, response);
  }
  return new SignInError(kind ?? "misconfigured", code, response);
}
