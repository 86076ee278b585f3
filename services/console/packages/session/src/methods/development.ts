import type { Browser, Grant, ResumeResult, SignInMethod, SignInRequest, User } from "../method.js";
import { SignInError } from "../problem.js";

const STORAGE_KEY = "postern.session";
const USER = /^[A-Za-z0-9._@-]{1,64}$/;

/** Signs in as anyone at Postern's development server. The tab remembers the name; the token is fetched anew. */
export class DevelopmentSignIn implements SignInMethod {
  readonly perService = false;
  private readonly browser: Browser;

  constructor(browser: Browser) {
    this.browser = browser;
  }

  async resume(): Promise<ResumeResult> {
    const user = remembered(this.browser.tabStorage);
    return user === null ? null : this.fetchToken(user);
  }

  async signIn(request: SignInRequest): Promise<Grant> {
    if (request.kind !== "development" || !USER.test(request.user))
      throw new SignInError("badName");
    const grant = await this.fetchToken(request.user);
    this.browser.tabStorage.setItem(STORAGE_KEY, JSON.stringify({ user: request.user }));
    return grant;
  }

  renew(user: User): Promise<Grant> {
    return this.fetchToken(user.id);
  }

  async signOut(): Promise<"done"> {
    await this.forget();
    return "done";
  }

  async forget(): Promise<void> {
    this.browser.tabStorage.removeItem(STORAGE_KEY);
  }

  private async fetchToken(user: string): Promise<Grant> {
    const response = await this.browser
      .fetch("/dev/token", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ user }),
      })
      .catch((thrown) => {
        throw new SignInError("unreachable", this.browser.url().host, thrown);
      });
    if (response.status >= 500) throw new SignInError("unreachable", this.browser.url().host);
    if (!response.ok) throw new SignInError("refused", String(response.status));
    const body = await response.json().catch(() => null);
    const { access_token: token, expires_in: lifetime } = (body ?? {}) as Record<string, unknown>;
    if (typeof token !== "string" || typeof lifetime !== "number") {
      throw new SignInError("untrusted", "/dev/token");
    }
    const expiresAt = this.browser.now() + lifetime * 1000;
    return { user: { id: user, name: user }, token, expiresAt };
  }
}

function remembered(storage: Storage): string | null {
  try {
    const { user } = JSON.parse(storage.getItem(STORAGE_KEY) ?? "{}");
    return typeof user === "string" && USER.test(user) ? user : null;
  } catch {
    return null;
  }
}
