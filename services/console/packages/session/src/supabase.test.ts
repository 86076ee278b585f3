import { beforeEach, describe, expect, it, vi } from "vitest";
import { parseConfig } from "./config.js";
import { Session, SignedOutError } from "./session.js";
import { TestBrowser, tabsTogether } from "./testing/browser.js";
import { FakeGoTrue } from "./testing/gotrue.js";

const config = parseConfig({
  signIn: {
    kind: "supabase",
    url: FakeGoTrue.URL,
    publishableKey: "sb_publishable_x",
    magicLink: true,
    providers: ["github"],
  },
});

const ada = { kind: "password", email: "ada@example.com", password: "correct horse" } as const;

let auth: FakeGoTrue;
let newTabs: ReturnType<typeof tabsTogether>;

beforeEach(() => {
  auth = new FakeGoTrue();
  newTabs = tabsTogether();
});

async function open(path = "/", before?: TestBrowser) {
  const browser = new TestBrowser(auth.fetch, path, before);
  const session = new Session({ config, browser, tabs: newTabs() });
  await session.start();
  return { session, browser, problem: () => session.snapshot().problem?.kind };
}

describe("Supabase Auth", () => {
  it("signs in by password, and stores the refresh token in this tab only", async () => {
    const { session, browser } = await open();
    await session.signIn(ada);
    expect(session.snapshot()).toMatchObject({
      phase: "signedIn",
      user: { id: "u1", name: "ada@example.com" },
    });
    expect(browser.stored()).not.toContain(await session.token());
    expect(browser.tabStorage.getItem("postern.session")).toContain("refresh-1");
    expect(browser.sharedStorage.length).toBe(0);
  });

  it("says so if the password is wrong", async () => {
    const { session, problem } = await open();
    await session.signIn({ ...ada, password: "wrong" });
    expect(problem()).toBe("credentials");
  });

  it("survives a reload by the refresh token, which is replaced", async () => {
    const { session, browser } = await open();
    await session.signIn(ada);
    const reloaded = await open("/", browser);
    expect(reloaded.session.snapshot().phase).toBe("signedIn");
    expect(browser.tabStorage.getItem("postern.session")).toContain("refresh-2");
  });

  it("asks to sign in if the stored refresh token has been revoked", async () => {
    const { browser } = await open();
    browser.tabStorage.setItem("postern.session", '{"id":"s","refreshToken":"stolen"}');
    const reloaded = await open("/", browser);
    expect(reloaded.problem()).toBe("expired");
    expect(browser.tabStorage.getItem("postern.session")).toBeNull();
  });

  it("keeps the stored session while Supabase cannot be reached", async () => {
    const { session, browser } = await open();
    await session.signIn(ada);
    auth.down = true;
    expect((await open("/", browser)).problem()).toBe("unreachable");
    auth.down = false;
    expect((await open("/", browser)).session.snapshot().phase).toBe("signedIn");
  }, 60_000);

  it.each(["nonsense", "{}", '{"id":1,"refreshToken":2}'])(
    "ignores the stored %s",
    async (kept) => {
      const { browser } = await open();
      browser.tabStorage.setItem("postern.session", kept);
      expect((await open("/", browser)).session.snapshot()).toMatchObject({
        phase: "signedOut",
        problem: null,
      });
    },
  );

  it("renews once for all callers, and with the latest refresh token", async () => {
    const { session, browser } = await open();
    await session.signIn(ada);
    browser.time += 600_000;
    const [one, other] = await Promise.all([session.token(), session.token()]);
    expect(one).toBe(other);
    browser.time += 600_000;
    await session.token();
    expect(auth.requests).toEqual(["password", "refresh_token", "refresh_token"]);
  });

  it("completes a magic link in another tab, and returns to where one was", async () => {
    const { session, browser } = await open("/connections");
    await session.signIn({ kind: "magicLink", email: ada.email });
    expect(session.snapshot().notice).toBe("linkSent");
    const link = new TestBrowser(auth.fetch);
    Object.assign(link, { sharedStorage: browser.sharedStorage });
    const tab = await open("/sign-in/callback?code=c1", link);
    expect(tab.session.snapshot().phase).toBe("signedIn");
    expect(tab.browser.path).toBe("/connections");
    expect(browser.sharedStorage.length).toBe(0);
  });

  it.each([
    ["code=c1", "otherBrowser"],
    ["error=access_denied&error_code=otp_expired", "linkExpired"],
    ["error=access_denied&error_description=no", "refused"],
    ["error=Call%20us", "stale"],
    ["", "stale"],
  ])("explains a link with %s that cannot be completed here", async (query, kind) => {
    expect((await open(`/sign-in/callback?${query}`)).problem()).toBe(kind);
    expect((await open(`/sign-in/callback#${query}`)).problem()).toBe(
      kind === "otherBrowser" ? "stale" : kind,
    );
  });

  it("leaves for an OAuth provider, and notices a return without an answer", async () => {
    const { session, browser } = await open("/connections");
    await session.signIn({ kind: "provider", name: "github" });
    expect(session.snapshot().phase).toBe("leaving");
    expect(browser.left[0]?.pathname).toBe("/auth/v1/authorize");
    expect(browser.left[0]?.searchParams.get("provider")).toBe("github");
    expect((await open("/", browser)).problem()).toBe("interrupted");
  });

  it("signs out at Supabase and in the other tabs", async () => {
    const [one, other] = [await open(), await open()];
    await one.session.signIn(ada);
    await other.session.signIn(ada);
    await one.session.signOut();
    expect(auth.requests).toContain("/auth/v1/logout");
    expect(one.browser.stored()).not.toContain("refresh-");
    await expect(other.session.token()).rejects.toThrow(SignedOutError);
    expect(other.session.snapshot().notice).toBe("signedOutElsewhere");
  });

  it("forgets the refresh token before Supabase is told, and a renewal does not bring one back", async () => {
    const { session, browser } = await open();
    await session.signIn(ada);
    browser.time += 600_000;
    const releaseRenewal = auth.holdNext();
    const late = expect(session.token()).rejects.toThrow(SignedOutError);
    await vi.waitFor(() => expect(auth.requests).toContain("refresh_token"));
    const releaseLogout = auth.holdNext();
    const signedOut = session.signOut();
    expect(browser.stored()).not.toContain("refresh-");
    releaseRenewal();
    await late;
    expect(browser.stored()).not.toContain("refresh-");
    releaseLogout();
    await signedOut;
    expect(browser.stored()).not.toContain("refresh-");
  });

  it("keeps the refresh token of somebody who signs in while a sign-out is under way", async () => {
    const { session, browser } = await open();
    await session.signIn(ada);
    const release = auth.holdNext();
    const signedOut = session.signOut();
    await vi.waitFor(() => expect(auth.requests).toContain("/auth/v1/logout"));
    await session.signIn(ada);
    release();
    await signedOut;
    expect(browser.tabStorage.getItem("postern.session")).toContain("refresh-2");
  });

  it("does not take another user's renewed session for the own one", async () => {
    const { session, browser } = await open();
    await session.signIn(ada);
    auth.userId = "u2";
    browser.time += 600_000;
    await expect(session.token()).rejects.toThrow(SignedOutError);
    expect(session.snapshot()).toMatchObject({ phase: "expired", problem: { kind: "otherUser" } });
    expect(browser.stored()).not.toContain("refresh-2");
  });

  it("stores no path to return to after a sign-in or sign-out", async () => {
    const { session, browser } = await open("/query/demo");
    const magicLink = { kind: "magicLink", email: ada.email } as const;
    await session.signIn(magicLink);
    expect(browser.stored()).toContain("/query/demo");
    await session.signIn(ada);
    expect(browser.stored()).not.toContain("/query/demo");
    session.refuse();
    await session.signIn(magicLink);
    expect(browser.stored()).toContain("/query/demo");
    await session.signOut();
    expect(browser.stored()).not.toContain("/query/demo");
    expect(browser.path).toBe("/");
  });
});
