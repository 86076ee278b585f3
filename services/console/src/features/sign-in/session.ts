import { claimsOf } from "./claims";

/** Renew a token this long before it expires, so that it cannot expire in flight. */
const MARGIN_MS = 30_000;
const STORAGE_KEY = "postern.session";

export interface SignedIn {
  user: string;
  token: string;
}

/** What the session needs from the browser. Tests pass their own. */
export interface SessionPlatform {
  fetch: typeof fetch;
  storage: Storage;
  now: () => number;
}

export type SessionState = { user: string | null; expired: boolean };

/** A development sign-in: exchanges the username for a token, and renews the token before it expires. */
export class Session {
  private readonly platform: SessionPlatform;
  private readonly listeners = new Set<() => void>();
  private signedIn: SignedIn | null;
  private renewal: Promise<string> | null = null;
  private state: SessionState;

  constructor(platform: SessionPlatform) {
    this.platform = platform;
    this.signedIn = restore(platform.storage);
    this.state = { user: this.signedIn?.user ?? null, expired: false };
  }

  readonly snapshot = (): SessionState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  async signIn(user: string): Promise<void> {
    const token = await this.fetchToken(user);
    this.keep({ user, token });
  }

  /** Ends the session; `expired` means that the server rejected its token. */
  signOut(expired = false): void {
    this.signedIn = null;
    this.platform.storage.removeItem(STORAGE_KEY);
    this.setState({ user: null, expired });
  }

  async token(): Promise<string> {
    if (this.signedIn === null) throw new Error("not signed in");
    if (this.expiresAt(this.signedIn.token) - this.platform.now() > MARGIN_MS)
      return this.signedIn.token;
    this.renewal ??= this.renew(this.signedIn.user).finally(() => {
      this.renewal = null;
    });
    return this.renewal;
  }

  private async renew(user: string): Promise<string> {
    const token = await this.fetchToken(user);
    // The user may have signed out, or in as someone else, in the meantime.
    if (this.signedIn?.user === user) this.keep({ user, token });
    return token;
  }

  private async fetchToken(user: string): Promise<string> {
    const response = await this.platform.fetch("/dev/token", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user }),
    });
    if (!response.ok) throw new SignInRefused(response.status);
    const body: unknown = await response.json();
    if (!isTokenResponse(body)) throw new TypeError("the token response has no access_token");
    return body.access_token;
  }

  private keep(signedIn: SignedIn): void {
    this.signedIn = signedIn;
    this.platform.storage.setItem(STORAGE_KEY, JSON.stringify(signedIn));
    if (this.state.user !== signedIn.user) this.setState({ user: signedIn.user, expired: false });
  }

  private setState(state: SessionState): void {
    this.state = state;
    for (const listener of this.listeners) listener();
  }

  private expiresAt(token: string): number {
    return (claimsOf(token)?.exp ?? 0) * 1000;
  }
}

export class SignInRefused extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`the token endpoint returned ${status}`);
    this.status = status;
  }
}

/** sessionStorage survives a reload, but not closing the browser tab. */
function restore(storage: Storage): SignedIn | null {
  try {
    const kept: unknown = JSON.parse(storage.getItem(STORAGE_KEY) ?? "null");
    return isSignedIn(kept) && claimsOf(kept.token) !== null ? kept : null;
  } catch {
    return null;
  }
}

function isSignedIn(value: unknown): value is SignedIn {
  const { user, token } = (value ?? {}) as Partial<SignedIn>;
  return typeof user === "string" && typeof token === "string";
}

function isTokenResponse(value: unknown): value is { access_token: string } {
  return typeof (value as { access_token?: unknown } | null)?.access_token === "string";
}
