import { render } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { App } from "../app/App";
import { Session } from "../features/sign-in/session";
import { type Language, startI18n } from "../i18n";
import type { Backend } from "./backend";
import { signInServer } from "./tokens";

interface Options {
  /** The URL to start at, for example "/connections". */
  at?: string;
  /** The signed-in user; null to start signed out. */
  user?: string | null;
  language?: Language;
}

/** Renders the whole console against a test backend: only the network is mocked, no modules. */
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
