/**
 * Why somebody is not signed in, or why a session cannot be renewed. Each has a text that says what to do, in
 * `texts/`.
 */
export type ProblemKind =
  | "configMissing"
  | "configInvalid"
  | "configUnreachable"
  /** The identity provider does not answer; a session stays, and the next call tries again. */
  | "unreachable"
  | "refused"
  | "misconfigured"
  | "interrupted"
  | "stale"
  | "untrusted"
  | "otherUser"
  | "opaqueToken"
  | "expired"
  | "silentFailed"
  | "tokenRefused"
  | "credentials"
  | "emailNotConfirmed"
  | "rateLimited"
  | "linkExpired"
  | "otherBrowser"
  | "badName"
  | "unexpected";

export interface Problem {
  kind: ProblemKind;
  /** What the text mentions: a host, a redirect URI, an error code. Safe to show. */
  detail?: string;
}

/** The only error that the sign-in methods throw. */
export class SignInError extends Error {
  override readonly name = "SignInError";
  readonly problem: Problem;

  constructor(kind: ProblemKind, detail?: string, cause?: unknown) {
    super(detail === undefined ? kind : `${kind}: ${detail}`, cause === undefined ? {} : { cause });
    this.problem = detail === undefined ? { kind } : { kind, detail };
  }
}

export function toProblem(thrown: unknown): Problem {
  if (thrown instanceof SignInError) return thrown.problem;
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return { kind: "unexpected", detail: detail.slice(0, 200) };
}

/** OAuth error codes are shown only if they look like one: anybody can write a link with a text in it. */
export function errorCode(value: unknown): string | undefined {
  return typeof value === "string" && /^[a-z_]{1,40}$/.test(value) ? value : undefined;
}
