import { render, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { App } from "../../app/App";
import { startI18n } from "../../i18n";
import { Backend } from "../../testing/backend";
import { renderConsole } from "../../testing/renderConsole";
import { signInServer } from "../../testing/tokens";
import { Session } from "./session";

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

  it("reports an unsupported sign-in method", async () => {
    const server = signInServer({ signIn: "openid" });
    const session = new Session({
      fetch: server.fetch,
      storage: window.sessionStorage,
      now: Date.now,
    });
    const transport = new Backend().transport;
    const i18n = await startI18n("en");
    render(<App platform={{ i18n, session, transport, fetch: server.fetch }} />);
    expect(await screen.findByText(/doesn't support/)).toBeTruthy();
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
