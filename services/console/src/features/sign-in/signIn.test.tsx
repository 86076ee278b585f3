import { Code, PosternError, type TokenProvider } from "@postern/client";
import { Encoding } from "@postern/client/protocol";
import { act, cleanup, screen, waitFor } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { endIfRefused } from "../../app/endIfRefused";
import { Backend, batch, header, summary } from "../../testing/backend";
import { renderConsole } from "../../testing/renderConsole";

describe("signing in", () => {
  it("opens the first connection with an example query", async () => {
    const backend = new Backend();
    backend.save("demo");
    const { user, server } = await renderConsole(backend, { user: null });
    await user.type(await screen.findByLabelText("Username"), "bob{Enter}");
    expect(await screen.findByRole("heading", { name: "demo" })).toBeTruthy();
    expect((await screen.findByRole("textbox", { name: "SQL statement" })).textContent).toContain(
      "orders",
    );
    expect(window.location.pathname).toBe("/query/demo");
    expect(server.requests.at(-1)).toEqual({ path: "/dev/token", body: { user: "bob" } });
  });

  it("prompts a user without connections to add one", async () => {
    await renderConsole(new Backend());
    expect(await screen.findByText("No connections yet")).toBeTruthy();
  });

  it("rejects an invalid username without calling the server", async () => {
    const { user, server } = await renderConsole(new Backend(), { user: null });
    await user.type(await screen.findByLabelText("Username"), "a b{Enter}");
    expect(screen.getByText(/1 to 64 letters/)).toBeTruthy();
    expect(server.requests.map(({ path }) => path)).toEqual(["/config.json"]);
  });

  it.each([
    ["an unknown kind", { signIn: { kind: "saml" } }, /signIn.kind must be "oidc"/],
    [
      "a misspelled field",
      { signIn: { kind: "development", usr: "a" } },
      /signIn.usr is not a known/,
    ],
    ["nothing", null, /the file must be an object/],
  ])("says what to correct in a config.json with %s", async (_what, config, text) => {
    await renderConsole(new Backend(), { user: null, config });
    expect(await screen.findByText(text)).toBeTruthy();
    expect(screen.getByRole("button", { name: "Try again" })).toBeTruthy();
  });

  it("goes on after the configuration has been corrected", async () => {
    const { user, server } = await renderConsole(new Backend(), { user: null, config: {} });
    expect(await screen.findByText(/signIn is missing/)).toBeTruthy();
    server.config = { signIn: { kind: "development" } };
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByLabelText("Username")).toBeTruthy();
  });

  it("shows problems in Russian", async () => {
    await renderConsole(new Backend(), { user: null, config: {}, language: "ru" });
    expect(await screen.findByText("Вход настроен неверно")).toBeTruthy();
  });

  it("keeps a draft and what runs when the server accepts the user's tokens no longer", async () => {
    const backend = new Backend();
    backend.save("shop");
    const { user, session } = await renderConsole(backend, { at: "/query/shop" });
    const editor = await screen.findByRole("textbox", { name: "SQL statement" });
    await user.click(editor);
    await user.keyboard("-- my draft{Enter}");
    let finish = () => {};
    backend.onQuery = async function* () {
      yield header([{ name: "id", typeName: "int8", encoding: Encoding.INT }]);
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      yield batch(1, [{ ints: [7n] }]);
      yield summary(1);
    };
    await user.click(screen.getByRole("button", { name: /^Run/ }));
    await waitFor(() => expect(backend.queries).toHaveLength(1));
    act(() => session.refuse());
    expect(await screen.findByText("Your session has expired")).toBeTruthy();
    finish();
    await user.type(screen.getByLabelText("Username"), "alice{Enter}");
    await waitFor(() => expect(screen.queryByText("Your session has expired")).toBeNull());
    await waitFor(() => expect(screen.getByTestId("row-count").textContent).toBe("1 row"));
    expect(screen.getByRole("textbox", { name: "SQL statement" }).textContent).toContain(
      "my draft",
    );
  });

  it("leaves none of the previous user's data after sign-out", async () => {
    const backend = new Backend();
    backend.save("secret-project");
    const { user } = await renderConsole(backend);
    await screen.findByRole("heading", { name: "secret-project" });
    await user.click(screen.getByRole("button", { name: "Sign out" }));
    await screen.findByLabelText("Username");
    expect(document.body.textContent).not.toContain("secret-project");
    expect(window.sessionStorage.length).toBe(0);
  });

  it("names no connection in the title and the address after a sign-out, here or elsewhere", async () => {
    const backend = new Backend();
    backend.save("secret-project");
    const options = { at: "/query/secret-project" };
    const here = await renderConsole(backend, options);
    await waitFor(() => expect(document.title).toBe("secret-project · Postern"));
    await here.user.click(screen.getByRole("button", { name: "Sign out" }));
    await waitFor(() => expect(document.title).toBe("Postern"));
    expect(window.location.pathname).toBe("/");
    cleanup();
    const { signOutElsewhere } = await renderConsole(backend, options);
    await waitFor(() => expect(document.title).toBe("secret-project · Postern"));
    signOutElsewhere("alice");
    await waitFor(() => expect(document.title).toBe("Postern"));
    expect(window.location.pathname).toBe("/");
  });
});

describe("stored drafts", () => {
  const KEY = "postern.drafts";
  const ofAlice = JSON.stringify({ userId: "alice", drafts: [["shop", { sql: "select 1" }]] });

  it("are removed if the page is not left for the identity provider's after all", async () => {
    const backend = new Backend();
    backend.save("shop");
    const { session } = await renderConsole(backend, { at: "/query/shop" });
    await screen.findByRole("textbox", { name: "SQL statement" });
    act(() => session.refuse());
    const stored: (string | null)[] = [];
    session.onLeave(() => stored.push(window.sessionStorage.getItem(KEY)));
    await act(() => session.signIn({ kind: "oidc" }));
    expect(stored).toEqual([expect.stringContaining("alice")]);
    expect(window.sessionStorage.getItem(KEY)).toBeNull();
  });

  it("are removed when their user signs out", async () => {
    const { user } = await renderConsole(new Backend());
    await screen.findByText("No connections yet");
    window.sessionStorage.setItem(KEY, ofAlice);
    await user.click(screen.getByRole("button", { name: "Sign out" }));
    expect(window.sessionStorage.getItem(KEY)).toBeNull();
  });

  it("wait for a user who has not come back, until that user signs out in another tab", async () => {
    window.sessionStorage.setItem(KEY, ofAlice);
    const { signOutElsewhere } = await renderConsole(new Backend(), { user: null });
    await screen.findByLabelText("Username");
    signOutElsewhere("bob");
    expect(window.sessionStorage.getItem(KEY)).toBe(ofAlice);
    signOutElsewhere("alice");
    expect(window.sessionStorage.getItem(KEY)).toBeNull();
  });
});

describe("a call that fails after its user has signed out", () => {
  it("gets no token of the next user, and does not sign that user out", async () => {
    const backend = new Backend();
    const tokens: TokenProvider[] = [];
    const { transport } = backend;
    const capturing = (token: TokenProvider) => {
      tokens.push(token);
      return transport(token);
    };
    Object.assign(backend, { transport: capturing });
    const { session } = await renderConsole(backend);
    await screen.findByText("No connections yet");
    await act(() => session.signOut());
    await act(() => session.signIn({ kind: "development", user: "bob" }));
    await expect(tokens[0]?.("refused")).rejects.toThrow("not signed in");
    const refused = new PosternError(Code.Unauthenticated, "The token has expired.");
    const user = (id: string) => ({ id, name: id });
    act(() => endIfRefused(session, user("alice"), refused));
    expect(session.snapshot().phase).toBe("signedIn");
    act(() => endIfRefused(session, user("bob"), refused));
    expect(session.snapshot().phase).toBe("expired");
  });
});

describe("preferences", () => {
  it("switch the language immediately and store it", async () => {
    const { user } = await renderConsole(new Backend(), { user: null });
    await user.click(await screen.findByRole("radio", { name: /Русский/ }));
    expect(await screen.findByRole("heading", { name: "Вход в Postern" })).toBeTruthy();
    expect(document.documentElement.lang).toBe("ru");
    expect(window.localStorage.getItem("postern.language")).toBe("ru");
  });

  it("switch the theme", async () => {
    const { user } = await renderConsole(new Backend(), { user: null });
    await user.click(await screen.findByRole("radio", { name: "Dark" }));
    expect(document.documentElement.dataset.mantineColorScheme).toBe("dark");
  });
});
