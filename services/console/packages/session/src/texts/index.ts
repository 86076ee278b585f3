import type { ProblemKind } from "../problem.js";
import type { Notice } from "../session.js";

export { en } from "./en.js";
export { ru } from "./ru.js";

/** What happened, and what to do about it. `{detail}` is replaced by the problem's detail. */
export interface ProblemText {
  title: string;
  text: string;
}

export interface SignInTexts {
  starting: string;
  leaving: string;
  problems: Record<ProblemKind, ProblemText>;
  notices: Record<Notice, string>;
  retry: string;
  user: string;
  userPlaceholder: string;
  development: string;
  signIn: string;
  signInAgain: string;
  /** For OpenID Connect; `{provider}` is the provider's host. */
  continueWith: string;
  or: string;
  email: string;
  password: string;
  sendLink: string;
  /** In the phase `expired`; `{user}` is their name. */
  someoneElse: string;
}

export function fill(text: string, values: Record<string, string>): string {
  return text.replace(/{(\w+)}/g, (whole, name) => values[name] ?? whole);
}
