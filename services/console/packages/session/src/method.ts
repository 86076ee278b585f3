/** A user, as the identity provider names them. */
export interface User {
  /** The provider's stable identifier, `sub`. */
  id: string;
  /** A name to show: username, email address or, if there is neither, the identifier. */
  name: string;
}

/** The services that tokens are for. An identity provider may give each an audience of its own. */
export type ServiceName = "connection-service" | "proxy-service";

/** The service that the token of a sign-in is for, and every token of a provider with one audience. */
export const FIRST_SERVICE: ServiceName = "connection-service";

/** Permission to act as a user for a while, at the services that accept the token. Never stored. */
export interface Grant {
  user: User;
  token: string;
  /** When the token expires, in milliseconds of this browser's clock. */
  expiresAt: number;
}

/** What the user asked for on the sign-in page. */
export type SignInRequest =
  | { kind: "development"; user: string }
  | { kind: "oidc" }
  | { kind: "password"; email: string; password: string }
  | { kind: "magicLink"; email: string }
  | { kind: "provider"; name: string };

/** `leaving`: the browser is on its way to the provider's page. */
export type SignInResult = Grant | "leaving" | "linkSent";

export type ResumeResult = Grant | "leaving" | "signedOut" | null;

/** One way to sign in. Its methods throw only SignInError; the session calls them one at a time. */
export interface SignInMethod {
  /** Whether each service has an audience, and so tokens, of its own. Otherwise one token is for all. */
  readonly perService: boolean;
  /** Completes a sign-in that returned to this page, or signs in again without asking. Null: the user has to ask. */
  resume(): Promise<ResumeResult>;
  signIn(request: SignInRequest): Promise<SignInResult>;
  /** A new token of the same user. `unreachable` leaves the session as it is; every other error ends it. */
  renew(user: User, service: ServiceName): Promise<Grant>;
  /** Signs out at the provider too. `local`: this was not possible, and the provider may still know the user. */
  signOut(): Promise<"leaving" | "done" | "local">;
  /** Forgets this tab's sign-in after another tab has signed out. */
  forget(): Promise<void>;
}

/** What a sign-in method needs from the browser. Tests pass their own. */
export interface Browser {
  fetch: typeof fetch;
  now(): number;
  url(): URL;
  /** Changes the address without loading a page. */
  replaceUrl(path: string): void;
  /** Leaves this page. */
  leave(url: string): void;
  tabStorage: Storage;
  sharedStorage: Storage;
}

export function realBrowser(): Browser {
  return {
    // The global `fetch` must be called as a method of the global object.
    fetch: (input, init) => globalThis.fetch(input, init),
    now: Date.now,
    url: () => new URL(window.location.href),
    replaceUrl: (path) => window.history.replaceState(window.history.state, "", path),
    leave: (url) => window.location.assign(url),
    tabStorage: window.sessionStorage,
    sharedStorage: window.localStorage,
  };
}

/** The page that identity providers return to. */
export const CALLBACK_PATH = "/sign-in/callback";

/** The page that identity providers return to after a sign-out. */
export const SIGNED_OUT_PATH = "/sign-in/signed-out";

/** Where the user is, to return to. Pages of the sign-in itself are no place to return to. */
export function currentPath(browser: Browser): string {
  const { pathname, search, hash } = browser.url();
  return pathname === CALLBACK_PATH || pathname === SIGNED_OUT_PATH
    ? "/"
    : pathname + search + hash;
}

/** A path that was stored to return to. Anything but a path of this origin leads to the start page. */
export function returnPath(value: unknown): string {
  const path = typeof value === "string" && /^\/(?![/\\])/.test(value);
  return path ? value : "/";
}
