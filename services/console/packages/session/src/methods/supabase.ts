import { GoTrueClient, type Session as SupabaseSession } from "@supabase/auth-js";
import type { SupabaseConfig } from "../config.js";
import {
  type Browser,
  CALLBACK_PATH,
  currentPath,
  type Grant,
  type ResumeResult,
  returnPath,
  type SignInMethod,
  type SignInRequest,
  type SignInResult,
  type User,
} from "../method.js";
import { SignInError } from "../problem.js";
import { asSignInError, linkError } from "./supabaseErrors.js";
import { ownSession, type TabSession } from "./supabaseStorage.js";

const RETURN_KEY = "postern.return-to";
const LEFT_KEY = "postern.sign-in-left";

/**
 * Supabase Auth: email and password, magic link, OAuth providers. The access token is kept in memory only; the refresh
 * token in this tab's sessionStorage, because Supabase has no session of its own to ask after a reload.
 */
export class SupabaseSignIn implements SignInMethod {
  /** `aud` is always `authenticated`. */
  readonly perService = false;
  private readonly config: SupabaseConfig;
  private readonly browser: Browser;
  private readonly tab: TabSession;
  private readonly auth: GoTrueClient;

  constructor(config: SupabaseConfig, browser: Browser) {
    this.config = config;
    this.browser = browser;
    this.tab = ownSession(browser);
    this.auth = new GoTrueClient({
      url: `${config.url}/auth/v1`,
      headers: { apikey: config.publishableKey },
      fetch: browser.fetch,
      flowType: "pkce",
      autoRefreshToken: false,
      detectSessionInUrl: false,
      persistSession: true,
      storage: this.tab.storage,
      // The client announces its sessions to others with the same key, tokens included. Each tab keeps to itself.
      storageKey: `postern-${crypto.randomUUID()}`,
    });
  }

  async resume(): Promise<ResumeResult> {
    const left = this.browser.tabStorage.getItem(LEFT_KEY);
    this.browser.tabStorage.removeItem(LEFT_KEY);
    if (this.browser.url().pathname === CALLBACK_PATH) return this.complete();
    const refreshToken = await this.tab.claim();
    if (refreshToken !== null)
      return this.refresh(refreshToken).catch((thrown) => this.ended(thrown));
    if (left !== null) {
      throw new SignInError("interrupted", this.browser.url().origin + CALLBACK_PATH);
    }
    return null;
  }

  async signIn(request: SignInRequest): Promise<SignInResult> {
    switch (request.kind) {
      case "password":
        return this.byPassword(request.email, request.password);
      case "magicLink":
        return this.byLink(request.email);
      case "provider":
        return this.byProvider(request.name);
      default:
        throw new SignInError("unexpected", `no sign-in by ${request.kind}`);
    }
  }

  renew(user: User): Promise<Grant> {
    // Not the client's own session: near the end of a token, asking for it renews it once more.
    return this.refresh(this.tab.refreshToken() ?? "", user.id);
  }

  async signOut(): Promise<"done" | "local"> {
    // Before the request, which may take long: the page may be closed, or somebody else may sign in, in the meantime.
    this.tab.forget();
    this.forgetPath();
    const { error } = await this.auth.signOut({ scope: "local" });
    return error === null ? "done" : "local";
  }

  async forget(): Promise<void> {
    await this.signOut();
  }

  private async byPassword(email: string, password: string): Promise<Grant> {
    const { session } = await this.checked(this.auth.signInWithPassword({ email, password }));
    this.forgetPath();
    return this.keep(session);
  }

  private async byLink(email: string): Promise<"linkSent"> {
    this.rememberPath();
    const options = { emailRedirectTo: this.callback(), shouldCreateUser: false };
    await this.checked(this.auth.signInWithOtp({ email, options }));
    return "linkSent";
  }

  private async byProvider(name: string): Promise<"leaving"> {
    this.rememberPath();
    const options = { redirectTo: this.callback(), skipBrowserRedirect: true };
    const provider = name as "github";
    const { url } = await this.checked(this.auth.signInWithOAuth({ provider, options }));
    this.browser.tabStorage.setItem(LEFT_KEY, "1");
    this.browser.leave(url ?? "");
    return "leaving";
  }

  /** A link from an email, or an OAuth provider, has led here with a code or an error. */
  private async complete(): Promise<Grant> {
    const url = this.browser.url();
    this.browser.replaceUrl(returnPath(this.browser.sharedStorage.getItem(RETURN_KEY)));
    this.forgetPath();
    const code = url.searchParams.get("code");
    if (code === null) throw linkError(url);
    const { session } = await this.checked(this.auth.exchangeCodeForSession(code));
    return this.keep(session);
  }

  private async refresh(refreshToken: string, userId?: string): Promise<Grant> {
    const request = this.auth.refreshSession({ refresh_token: refreshToken });
    const { session } = await this.checked(request);
    const grant = this.grantOf(session);
    // The auth client shares a renewal in progress between its callers, whatever their refresh tokens.
    if (userId !== undefined && grant.user.id !== userId) throw new SignInError("otherUser");
    // If another one is stored, or none, somebody has signed in or out in the meantime: this one must not come back.
    const current = this.tab.refreshToken() === refreshToken;
    return current ? this.keep(session) : grant;
  }

  /** A refresh token that is not accepted is not tried again. */
  private ended(thrown: unknown): never {
    const error = thrown instanceof SignInError ? thrown : asSignInError(thrown, this.config);
    if (error.problem.kind !== "unreachable") this.tab.forget();
    throw error;
  }

  private keep(session: SupabaseSession | null): Grant {
    const grant = this.grantOf(session);
    if (session !== null) this.tab.keep(session.refresh_token);
    return grant;
  }

  private grantOf(session: SupabaseSession | null): Grant {
    if (session === null) throw new SignInError("untrusted", new URL(this.config.url).host);
    const { access_token: token, expires_in: lifetime, user } = session;
    const expiresAt = this.browser.now() + lifetime * 1000;
    return { user: { id: user.id, name: user.email || user.phone || user.id }, token, expiresAt };
  }

  private rememberPath(): void {
    // Shared: a link from an email opens in a tab of its own.
    this.browser.sharedStorage.setItem(RETURN_KEY, currentPath(this.browser));
  }

  private forgetPath(): void {
    this.browser.sharedStorage.removeItem(RETURN_KEY);
  }

  private callback(): string {
    return this.browser.url().origin + CALLBACK_PATH;
  }

  private async checked<R extends { data: unknown; error: unknown }>(
    request: Promise<R>,
  ): Promise<R["data"]> {
    const { data, error } = await request.catch((thrown) => {
      throw asSignInError(thrown, this.config);
    });
    if (error !== null) throw asSignInError(error, this.config);
    return data;
  }
}
