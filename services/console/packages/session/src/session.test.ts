import { beforeEach, describe, expect, it } from "vitest";
import { Session, SignedOutError } from "./session.js";
import { TestBrowser, tabsTogether } from "./testing/browser.js";

/** Requests to the development server, which sends a new token for each, or always the same one. */
let issued: number;
let alwaysSame: boolean;
let held: Promise<void> | null;
let newTabs: ReturnType<typeof tabsTogether>;

beforeEach(() => {
  issued = 0;
  alwaysSame = false;
  held = null;
  newTabs = tabsTogether();
});

const network = (async (_input, init) => {
  const { user } = JSON.parse(String(init?.body));
  issued += 1;
  const token = alwaysSame ? "forged" : `${user}-${issued}`;
  const wait = held;
  held = null;
  await wait;
  return Response.json({ access_token: token, expires_in: 600 });
}) as typeof fetch;

/** Keeps the next response back until the returned function is called. */
function holdNext(): () => void {
  let release: () => void = () => {};
  held = new Promise((resolve) => {
    release = resolve;
  });
  return () => release();
}

function newSession(browser: TestBrowser): Session {
  return new Session({ config: { kind: "development" }, browser, tabs: newTabs() });
}

const as = (user: string) => ({ kind: "development", user }) as const;

async function signedIn(user: string, path = "/") {
  const browser = new TestBrowser(network, path);
  const session = newSession(browser);
  await session.start();
  await session.signIn(as(user));
  return { session, browser };
}

describe("when one user signs in after another", () => {
  it("the calls of the first get no token of the second", async () => {
    const { session } = await signedIn("alice");
    const token = session.tokenOf("alice");
    const first = await token();
    await session.signOut();
    await session.signIn(as("bob"));
    await expect(token(first)).rejects.toThrow(SignedOutError);
    expect(await session.tokenOf("bob")()).toBe("bob-2");
  });

  it("a late renewal of the first is neither waited for nor ends the second's", async () => {
    const { session, browser } = await signedIn("alice");
    browser.time += 600_000;
    const releaseFirst = holdNext();
    const late = expect(session.token()).rejects.toThrow(SignedOutError);
    await session.signOut();
    await session.signIn(as("bob"));
    browser.time += 600_000;
    const releaseSecond = holdNext();
    const one = session.token();
    releaseFirst();
    await late;
    const other = session.token();
    releaseSecond();
    expect(await Promise.all([one, other])).toEqual(["bob-4", "bob-4"]);
  });
});

describe("signing out", () => {
  it("in another tab ends a sign-in that is being resumed here", async () => {
    const one = await signedIn("alice");
    const browser = new TestBrowser(network);
    browser.tabStorage.setItem("postern.session", '{"user":"alice"}');
    const resumed = newSession(browser);
    const release = holdNext();
    const started = resumed.start();
    await one.session.signOut();
    release();
    await started;
    expect(resumed.snapshot()).toMatchObject({
      phase: "signedOut",
      user: null,
      notice: "signedOutElsewhere",
    });
    expect(browser.stored()).not.toContain("alice");
  });

  it("leaves no page of the user in the address, here and in other tabs", async () => {
    const one = await signedIn("alice", "/query/shop");
    const other = await signedIn("alice", "/query/shop");
    await one.session.signOut();
    expect([one.browser.path, other.browser.path]).toEqual(["/", "/"]);
  });
});

it("a token that is refused, and renewed to the same one, is no matter of time", async () => {
  alwaysSame = true;
  const { session } = await signedIn("mallory");
  expect(await session.token("forged")).toBe("forged");
  session.refuse();
  expect(session.snapshot().problem).toEqual({ kind: "tokenRefused" });
});

it("what was stored for a return is discarded on sign-out, and if the page is not left", async () => {
  const { session } = await signedIn("alice");
  const discarded: string[] = [];
  session.onDiscard((userId) => discarded.push(userId));
  session.refuse();
  // Not a way to sign in at the development server.
  await session.signIn({ kind: "oidc" });
  expect(discarded).toEqual(["alice"]);
  await session.signOut();
  expect(discarded).toEqual(["alice", "alice"]);
});
