import {
  isAuthApiError,
  isAuthPKCECodeVerifierMissingError,
  isAuthRetryableFetchError,
} from "@supabase/auth-js";
import type { SupabaseConfig } from "../config.js";
import { errorCode, type ProblemKind, SignInError } from "../problem.js";

/** Error codes of Supabase Auth: https://supabase.com/docs/guides/auth/debugging/error-codes */
const CODES: Readonly<Record<string, ProblemKind>> = {
  invalid_credentials: "credentials",
  validation_failed: "credentials",
  email_not_confirmed: "emailNotConfirmed",
  over_request_rate_limit: "rateLimited",
  over_email_send_rate_limit: "rateLimited",
  otp_expired: "linkExpired",
  flow_state_expired: "linkExpired",
  flow_state_not_found: "linkExpired",
  bad_code_verifier: "otherBrowser",
  user_banned: "refused",
  signup_disabled: "refused",
  otp_disabled: "refused",
  access_denied: "refused",
  refresh_token_not_found: "expired",
  refresh_token_already_used: "expired",
  session_not_found: "expired",
  session_expired: "expired",
  provider_disabled: "misconfigured",
  email_provider_disabled: "misconfigured",
  oauth_provider_not_supported: "misconfigured",
};

/** Converts what the auth client reports. */
export function asSignInError(error: unknown, { url }: SupabaseConfig): SignInError {
  if (error instanceof SignInError) return error;
  const { host } = new URL(url);
  if (isAuthRetryableFetchError(error) || error instanceof TypeError) {
    return new SignInError("unreachable", host, error);
  }
  if (isAuthPKCECodeVerifierMissingError(error))
    return new SignInError("otherBrowser", undefined, error);
  if (!isAuthApiError(error)) return new SignInError("unexpected", messageOf(error), error);
  if (error.status >= 500) return new SignInError("unreachable", host, error);
  if (error.status === 429) return new SignInError("rateLimited", undefined, error);
  const code = errorCode(error.code) ?? "error";
  return new SignInError(CODES[code] ?? "misconfigured", code, error);
}

/** The error that a link or an OAuth provider came back with, in the query or the fragment. */
export function linkError(url: URL): SignInError {
  const fragment = new URLSearchParams(url.hash.slice(1));
  const read = (name: string) => errorCode(url.searchParams.get(name) ?? fragment.get(name));
  const code = read("error_code") ?? read("error");
  if (code === undefined) return new SignInError("stale");
  return new SignInError(CODES[code] ?? "misconfigured", code);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
