import { loadConfig, type SignInConfig } from "./config.js";
import {
  type Browser,
  FIRST_SERVICE,
  type Grant,
  realBrowser,
  type ServiceName,
  type SignInMethod,
  type SignInRequest,
  type User,
} from "./method.js";
import { createMethod } from "./methods/index.js";
import { type Problem, toProblem } from "./problem.js";
import { type OtherTabs, otherTabs } from "./tabs.js";

/** Renew a token this long before it expires, so that it cannot expire on its way. */
const MARGIN_MS = 30_000;

/**
 * | phase | the user |
 * |---|---|
 * | `starting` | waits: a sign-in is being completed, or the provider is asked silently |
 * | `leaving` | is on the way to the provider's page |
 * | `signedOut` | has to sign in; `problem` or `notice` says why |
 * | `signedIn` | is signed in; a `problem` says that the token cannot be renewed at the moment |
 * | `expired` | has to sign in again to go on where they were |
 */
export type Phase = "starting" | "leaving" | "signedOut" | "signedIn" | "expired";

export type Notice = "signedOut" | "signedOutElsewhere" | "signedOutHereOnly" | "linkSent";

export interface SessionState {
  phase: Phase;
  /** Set in the phases `signedIn` and `expired`. */
  user: User | null;
  /** Null until `/config.json` has been read. */
  config: SignInConfig | null;
  problem: Problem | null;
  notice: Notice | null;
}

export interface SessionOptions {
  /** How people sign in. By default, `/config.json` beside the app says so. */
  config?: SignInConfig;
  /** Of tests. */
  browser?: Browser;
  tabs?: OtherTabs;
}

/** Thrown by `token` when there is none: the user has to sign in. */
export class SignedOutError extends Error {
  override readonly name = "SignedOutError";
}

/** One sign-in: whose it is, and its tokens by service. */
interface SignedIn {
  user: User;
  tokens: Map<ServiceName, Tokens>;
}

/** The token for a service, and what is done about it. */
interface Tokens {
  /** Null until the first call to the service. */
  grant: Grant | null;
  renewal: Promise<string> | null;
  /** The last token that the service did not accept. */
  refused: string | null;
}

/** One browser tab's sign-in. Components subscribe to its state; `@postern/client` takes its tokens. */
export class Session {
  private readonly browser: Browser;
  private readonly tabs: OtherTabs;
  private readonly fixedConfig: SignInConfig | undefined;
  private readonly listeners = new Set<() => void>();
  private readonly leaveListeners = new Set<() => void>();
  private readonly discardListeners = new Set<(userId: string) => void>();
  /** Users who have signed out in other tabs while this one did not know its own user yet. */
  private readonly signedOutMeanwhile = new Set<string>();
  private method: SignInMethod | null = null;
  /** Another object for each sign-in, so that what an earlier one began can tell that it has ended. */
  private current: SignedIn | null = null;
  private starting: Promise<void> | null = null;
  private state: SessionState = initial;

  constructor({ config, browser = realBrowser(), tabs = otherTabs() }: SessionOptions = {}) {
    this.fixedConfig = config;
    this.browser = browser;
    this.tabs = tabs;
    tabs.onSignedOut((userId) => this.signedOutElsewhere(userId));
  }

  readonly snapshot = (): SessionState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Calls `listener` before the page is left for the provider's, to store what must survive that. */
  readonly onLeave = (listener: () => void): (() => void) => {
    this.leaveListeners.add(listener);
    return () => this.leaveListeners.delete(listener);
  };

  /**
   * Calls `listener` when what was stored for a user's return must be removed: the page is not left after all, or the
   * user has signed out, here or in another tab.
   */
  readonly onDiscard = (listener: (userId: string) => void): (() => void) => {
    this.discardListeners.add(listener);
    return () => this.discardListeners.delete(listener);
  };

  /** Reads the configuration, and completes or resumes a sign-in. Does so once, however often it is called. */
  start(): Promise<void> {
    this.starting ??= this.resume();
    return this.starting;
  }

  /** Starts again, after a problem that kept the sign-in from being offered. */
  restart(): Promise<void> {
    this.starting = null;
    return this.start();
  }

  /** Problems are in the state afterwards. */
  async signIn(request: SignInRequest): Promise<void> {
    if (this.method === null) return this.restart();
    const leaves = request.kind === "oidc" || request.kind === "provider";
    try {
      if (leaves) this.prepareToLeave();
      const result = await this.method.signIn(request);
      if (result === "leaving") this.set({ phase: "leaving", problem: null, notice: null });
      else if (result === "linkSent") this.set({ problem: null, notice: "linkSent" });
      else this.accept(result);
    } catch (thrown) {
      if (leaves && this.state.user !== null) this.discard(this.state.user.id);
      this.set({ problem: toProblem(thrown), notice: null });
    }
  }

  /** Signs out here, in all other tabs, and at the provider if that is possible. */
  async signOut(): Promise<void> {
    const { method } = this;
    const user = this.state.user;
    if (user === null || method === null) return;
    this.discard(user.id);
    this.end({ phase: "signedOut", notice: "signedOut" });
    this.tabs.signedOut(user.id);
    const outcome = await method.signOut().catch(() => "local" as const);
    if (outcome === "leaving") this.set({ phase: "leaving" });
    if (outcome === "local" && this.state.phase === "signedOut") {
      this.set({ notice: "signedOutHereOnly" });
    }
  }

  /**
   * A `TokenProvider` for `@postern/client`. `refused` is a token that the service has not accepted: it is renewed,
   * whatever time it has left.
   */
  readonly token = async (
    refused?: string,
    service: ServiceName = FIRST_SERVICE,
  ): Promise<string> => {
    const { current } = this;
    if (current === null) throw new SignedOutError("not signed in");
    const tokens = this.tokensFor(service, current);
    if (refused !== undefined) tokens.refused = refused;
    const { grant } = tokens;
    const usable = grant !== null && grant.expiresAt - this.browser.now() > MARGIN_MS;
    if (usable && grant.token !== refused) return grant.token;
    // Concurrent callers share a renewal.
    tokens.renewal ??= this.renew(current, tokens, service).finally(() => {
      tokens.renewal = null;
    });
    return tokens.renewal;
  };

  /**
   * `token` for the calls of one user: it fails if somebody else is signed in by now, so that no call is sent, or sent
   * again, with another user's token.
   */
  readonly tokenOf =
    (userId: string) =>
    async (refused?: string, service?: ServiceName): Promise<string> => {
      if (this.current?.user.id !== userId) throw new SignedOutError("not signed in as this user");
      return this.token(refused, service);
    };

  /** A service accepted no token, not even a new one: the user has to sign in again. */
  refuse(): void {
    if (this.current === null) return;
    // After a refusal the token was renewed, or nobody would be signed in.
    const refused = [...this.current.tokens.values()].some((tokens) => tokens.refused !== null);
    this.expire({ kind: refused ? "tokenRefused" : "expired" });
  }

  /** The user came back from the provider's page by the browser's Back button, without an answer. */
  cameBack(): void {
    if (this.state.phase === "leaving") void this.restart();
  }

  private async resume(): Promise<void> {
    this.set({ ...initial, config: this.state.config });
    try {
      const config = this.fixedConfig ?? (await loadConfig(this.browser.fetch));
      this.method ??= await createMethod(config, this.browser);
      this.set({ config });
      const result = await this.method.resume();
      if (result === "leaving") this.set({ phase: "leaving" });
      else if (result === "signedOut") this.set({ phase: "signedOut", notice: "signedOut" });
      else if (result === null) this.set({ phase: "signedOut" });
      else if (this.signedOutMeanwhile.has(result.user.id)) this.endAsElsewhere();
      else this.accept(result);
    } catch (thrown) {
      this.set({ phase: "signedOut", problem: toProblem(thrown) });
    } finally {
      this.signedOutMeanwhile.clear();
    }
  }

  private tokensFor(service: ServiceName, { tokens }: SignedIn): Tokens {
    const key = this.method?.perService ? service : FIRST_SERVICE;
    const found = tokens.get(key) ?? { grant: null, renewal: null, refused: null };
    tokens.set(key, found);
    return found;
  }

  private async renew(current: SignedIn, tokens: Tokens, service: ServiceName): Promise<string> {
    if (this.method === null) throw new SignedOutError("not signed in");
    try {
      const renewed = await this.method.renew(current.user, service);
      // The user may have signed out, or in as someone else, in the meantime.
      if (this.current !== current) throw new SignedOutError("signed out during the renewal");
      tokens.grant = renewed;
      if (this.state.problem !== null) this.set({ problem: null });
      return renewed.token;
    } catch (thrown) {
      if (this.current !== current) throw new SignedOutError("signed out during the renewal");
      return this.keepOrExpire(tokens, thrown);
    }
  }

  /** A provider that does not answer is waited for; every other failure ends the session. */
  private keepOrExpire({ grant, refused }: Tokens, thrown: unknown): string {
    const problem = toProblem(thrown);
    if (problem.kind !== "unreachable") {
      this.expire(problem);
      throw new SignedOutError("the session has expired", { cause: thrown });
    }
    this.set({ problem });
    const usable = grant !== null && grant.expiresAt > this.browser.now();
    if (usable && grant.token !== refused) return grant.token;
    // As `fetch` reports a server that cannot be reached: callers may try again.
    throw new TypeError("the identity provider cannot be reached", { cause: thrown });
  }

  private accept(grant: Grant): void {
    const { user } = grant;
    const tokens = new Map([[FIRST_SERVICE, { grant, renewal: null, refused: null }]]);
    this.current = { user, tokens };
    this.set({ phase: "signedIn", user, problem: null, notice: null });
  }

  private expire(problem: Problem): void {
    this.current = null;
    this.set({ phase: "expired", problem, notice: null });
  }

  private signedOutElsewhere(userId: string): void {
    this.discard(userId);
    if (this.state.phase === "starting") this.signedOutMeanwhile.add(userId);
    if (this.state.user?.id === userId) this.endAsElsewhere();
  }

  private endAsElsewhere(): void {
    this.end({ phase: "signedOut", notice: "signedOutElsewhere" });
    void this.method?.forget().catch(() => {});
  }

  private end(change: Partial<SessionState>): void {
    this.current = null;
    this.set({ user: null, problem: null, notice: null, ...change });
    // The address may name the user's data.
    this.browser.replaceUrl("/");
  }

  private prepareToLeave(): void {
    for (const listener of this.leaveListeners) listener();
  }

  private discard(userId: string): void {
    for (const listener of this.discardListeners) listener(userId);
  }

  private set(change: Partial<SessionState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}

const initial: SessionState = {
  phase: "starting",
  user: null,
  config: null,
  problem: null,
  notice: null,
};
