import { type User as OidcUser, UserManager, WebStorageStateStore } from "oidc-client-ts";
import type { OidcConfig } from "../config.js";
import {
  type Browser,
  CALLBACK_PATH,
  currentPath,
  FIRST_SERVICE,
  type Grant,
  type ResumeResult,
  returnPath,
  type ServiceName,
  SIGNED_OUT_PATH,
  type SignInMethod,
  type User,
} from "../method.js";
import { SignInError } from "../problem.js";
import { hasApis, requestAll, requestOne } from "./oidcApis.js";
import { leavingBy, MemoryStorage } from "./oidcBrowser.js";
import { asSignInError, needsUser } from "./oidcErrors.js";

/** Set while somebody is signed in in any tab. Says that a silent sign-in is worth a try; holds no token. */
const HINT_KEY = "postern.signed-in";

/** Set while this tab is at the provider; still there when the user comes back without an answer. */
const LEFT_KEY = "postern.sign-in-left";

/** How long a renewal in a hidden frame may take. Blocked cookies and frames show only as silence. */
const SILENT_TIMEOUT_SECONDS = 10;

/**
 * OpenID Connect: authorization code with PKCE. All tokens are kept in memory only. After a reload, and in another tab,
 * a redirect with `prompt=none` signs in again by the provider's own session.
 */
export class OidcSignIn implements SignInMethod {
  readonly perService: boolean;
  private readonly config: OidcConfig;
  private readonly browser: Browser;
  private readonly manager: UserManager;
  private signedIn = false;
  /** The renewal under way, or the last one. */
  private renewal: Promise<unknown> = Promise.resolve();

  constructor(config: OidcConfig, browser: Browser) {
    this.config = config;
    this.perService = hasApis(config);
    this.browser = browser;
    const { origin } = browser.url();
    const settings = {
      authority: config.authority,
      client_id: config.clientId,
      scope: config.scope,
      redirect_uri: origin + CALLBACK_PATH,
      silent_redirect_uri: origin + CALLBACK_PATH,
      post_logout_redirect_uri: origin + SIGNED_OUT_PATH,
      ...(typeof config.resource === "string" && { resource: config.resource }),
      ...(typeof config.audience === "string" && {
        extraQueryParams: { audience: config.audience },
      }),
      automaticSilentRenew: false,
      validateSubOnSilentRenew: true,
      includeIdTokenInSilentRenew: false,
      silentRequestTimeoutInSeconds: SILENT_TIMEOUT_SECONDS,
      requestTimeoutInSeconds: SILENT_TIMEOUT_SECONDS,
      userStore: new WebStorageStateStore({ store: new MemoryStorage() }),
      stateStore: new WebStorageStateStore({ store: browser.tabStorage, prefix: "postern.oidc." }),
    };
    this.manager = new UserManager(settings, leavingBy(browser));
  }

  async resume(): Promise<ResumeResult> {
    const left = this.browser.tabStorage.getItem(LEFT_KEY);
    this.browser.tabStorage.removeItem(LEFT_KEY);
    const { pathname } = this.browser.url();
    if (pathname === CALLBACK_PATH) return this.complete();
    if (pathname === SIGNED_OUT_PATH) {
      this.browser.replaceUrl("/");
      return "signedOut";
    }
    if (left !== null) {
      // Not tried again by itself, since it could fail in the same way for ever.
      this.browser.sharedStorage.removeItem(HINT_KEY);
      throw new SignInError("interrupted", this.browser.url().origin + CALLBACK_PATH);
    }
    if (this.browser.sharedStorage.getItem(HINT_KEY) === null) return null;
    return this.leave("none");
  }

  signIn(): Promise<"leaving"> {
    return this.leave();
  }

  /** One at a time: of two that use the same refresh token, the second looks like the use of a stolen one. */
  renew(user: User, service: ServiceName): Promise<Grant> {
    const renewal = this.renewal.then(() => this.renewNext(user, service));
    this.renewal = renewal.catch(() => {});
    return renewal;
  }

  private async renewNext(user: User, service: ServiceName): Promise<Grant> {
    // The user has signed out while it waited: a hidden frame must not sign in again.
    if (!this.signedIn) throw new SignInError("expired");
    const request = { nonce: crypto.randomUUID(), ...requestOne(this.config, service) };
    const found = await this.manager.signinSilent(request).catch((thrown) => {
      throw asSignInError(thrown, this.config, "renewal");
    });
    const renewed = this.grantOf(found);
    if (renewed.user.id !== user.id) throw new SignInError("otherUser");
    // A renewal by refresh token may come without the claims of the first ID token.
    return { ...renewed, user };
  }

  async signOut(): Promise<"leaving" | "local"> {
    this.signedIn = false;
    this.browser.sharedStorage.removeItem(HINT_KEY);
    const told =
      (await this.revoke()) &&
      (await this.manager.signoutRedirect().then(
        () => true,
        () => false,
      ));
    if (!told) await this.manager.removeUser();
    return told ? "leaving" : "local";
  }

  async forget(): Promise<void> {
    this.signedIn = false;
    // A sign-in that was being completed here may have set it after the other tab's sign-out.
    this.browser.sharedStorage.removeItem(HINT_KEY);
    await this.revoke();
    await this.manager.removeUser();
  }

  /** False if the provider cannot be reached. Other failures don't matter: the token is forgotten. */
  private revoke(): Promise<boolean> {
    return this.manager.revokeTokens(["refresh_token"]).then(
      () => true,
      // Most providers answer without content, which oidc-client-ts takes for an error.
      (thrown) => asSignInError(thrown, this.config).problem.kind !== "unreachable",
    );
  }

  private async leave(prompt?: "none"): Promise<"leaving"> {
    this.browser.tabStorage.setItem(LEFT_KEY, "1");
    const state = { returnTo: currentPath(this.browser) };
    const request = {
      state,
      nonce: crypto.randomUUID(),
      ...(prompt && { prompt }),
      ...requestAll(this.config, FIRST_SERVICE),
    };
    await this.manager.signinRedirect(request).catch((thrown) => {
      this.browser.tabStorage.removeItem(LEFT_KEY);
      throw asSignInError(thrown, this.config);
    });
    return "leaving";
  }

  private async complete(): Promise<Grant | null> {
    const url = this.browser.url().href;
    // Before the exchange: a code is good for one use, so a reload must not repeat it.
    this.browser.replaceUrl("/");
    try {
      const user = await this.manager.signinRedirectCallback(url);
      this.browser.replaceUrl(returnPath((user.state as { returnTo?: unknown } | null)?.returnTo));
      const grant = this.grantOf(user);
      this.browser.sharedStorage.setItem(HINT_KEY, "1");
      this.signedIn = true;
      return grant;
    } catch (thrown) {
      if (!needsUser(thrown)) throw asSignInError(thrown, this.config);
      // The provider has no session of its own any more: the answer to `prompt=none`.
      this.browser.sharedStorage.removeItem(HINT_KEY);
      this.browser.replaceUrl(
        returnPath((thrown.state as { returnTo?: unknown } | null)?.returnTo),
      );
      return null;
    }
  }

  private grantOf(user: OidcUser | null): Grant {
    if (user === null) throw new SignInError("untrusted", "no user");
    const { access_token: token, expires_in: lifetime, profile } = user;
    // Postern verifies tokens itself, which takes a JWT. Opaque ones are meant for the provider only.
    if (token.split(".").length !== 3) throw new SignInError("opaqueToken");
    const expiresAt = this.browser.now() + (lifetime ?? 0) * 1000;
    const name = profile.preferred_username ?? profile.email ?? profile.name ?? profile.sub;
    return { user: { id: profile.sub, name }, token, expiresAt };
  }
}

/**
 * Completes a renewal in the hidden frame that it runs in: gives the address to the page around it.
 * Call this instead of starting the app when [`isSilentCallback`] is true.
 */
export async function completeSilently(): Promise<void> {
  const settings = { authority: "", client_id: "", redirect_uri: "" };
  await new UserManager(settings).signinSilentCallback();
}
