import { render } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { App } from "../app/App";
import { Session } from "../features/sign-in/session";
import { type Language, startI18n } from "../i18n";
import type { Backend } from "./backend";
import { signInServer } from "./tokens";

interface Options {
  /** Where to start, for example "?page=connections". */
  at?: string;
  /** Signed in from the start, unless null. */
  user?: string | null;
  language?: Language;
}

/** The whole console over a backend of the test's own: the network is mocked, no module is. */
export async function renderConsole(backend: Backend, options: Options = {}) {
  const { at = "/", user = "alice", language = "en" } = options;
  window.history.replaceState(null, "", at);
  const server = signInServer();
  const session = new Session({
    fetch: server.fetch,
    storage: window.sessionStorage,
    now: Date.now,
  });
  if (user !== null) await session.signIn(user);
  const i18n = await startI18n(language);
  render(<App platform={{ i18n, session, fetch: server.fetch, transport: backend.transport }} />);
  return { user: userEvent.setup(), session, server };
}
