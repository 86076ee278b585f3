import { beforeEach, describe, expect, it } from "vitest";
import { signInServer, tokenFor } from "../../testing/tokens";
import { Session } from "./session";

let now = 0;
beforeEach(() => {
  now = 1_800_000_000_000;
});

const clock = () => now;

function begin(lifetime = 900) {
  const server = signInServer({ now: clock, lifetime });
  const session = new Session({ fetch: server.fetch, storage: window.sessionStorage, now: clock });
  return { server, session };
}

describe("Session", () => {
  it("returns its token until shortly before it expires, then a new one", async () => {
    const { server, session } = begin(900);
    await session.signIn("alice");
    const first = await session.token();
    now += 860_000;
    expect(await session.token()).toBe(first);
    now += 20_000;
    const [second, again] = await Promise.all([session.token(), session.token()]);
    expect(second).not.toBe(first);
    expect(again).toBe(second);
    expect(server.requests).toHaveLength(2);
    expect(server.requests[1]?.body).toEqual({ user: "alice" });
  });

  it("survives a reload", async () => {
    const { session } = begin();
    await session.signIn("alice");
    const reloaded = begin();
    expect(reloaded.session.snapshot().user).toBe("alice");
    expect(await reloaded.session.token()).toBe(await session.token());
    expect(reloaded.server.requests).toHaveLength(0);
  });

  it("clears its storage when it ends", async () => {
    const { session } = begin();
    await session.signIn("alice");
    session.signOut(true);
    expect(session.snapshot()).toEqual({ user: null, expired: true });
    expect(window.sessionStorage.length).toBe(0);
    await expect(session.token()).rejects.toThrow();
  });

  it("does not sign the user back in when a renewal completes after sign-out", async () => {
    const { session } = begin(10);
    await session.signIn("alice");
    const late = session.token();
    session.signOut();
    await late;
    expect(session.snapshot().user).toBeNull();
    expect(window.sessionStorage.length).toBe(0);
  });

  it.each(["nonsense", '{"user":"alice"}', '{"user":"alice","token":"not-a-token"}'])(
    "does not restore the stored value %s",
    (kept) => {
      window.sessionStorage.setItem("postern.session", kept);
      expect(begin().session.snapshot().user).toBeNull();
    },
  );

  it("restores a stored session", () => {
    const token = tokenFor("alice", now / 1000 + 60);
    window.sessionStorage.setItem("postern.session", JSON.stringify({ user: "alice", token }));
    expect(begin().session.snapshot().user).toBe("alice");
  });
});
