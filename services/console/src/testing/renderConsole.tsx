import { type OtherTabs, realBrowser, Session } from "@postern/session";
import { act, render } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { App } from "../app/App";
import { type Language, startI18n } from "../i18n";
import type { Backend } from "./backend";
import { signInServer } from "./tokens";

interface Options {
  /** The URL to start at, for example "/connections". */
  at?: string;
  /** The signed-in user; null to start signed out. */
  user?: string | null;
  language?: Language;
  /** The content of /config.json. */
  config?: object | null;
}

/** Renders the whole console against a test backend: only the network is mocked, no modules. */
export async function renderConsole(backend: Backend, options: Options = {}) {
  const { at = "/", user = "alice", language = "en", config } = options;
  window.history.replaceState(null, "", at);
  const server = signInServer();
  if (config !== undefined) server.config = config;
  const listeners: ((userId: string) => void)[] = [];
  const tabs: OtherTabs = {
    signedOut: () => {},
    onSignedOut: (listener) => void listeners.push(listener),
  };
  const signOutElsewhere = (userId: string) =>
    act(() => {
      for (const listener of listeners) listener(userId);
    });
  const session = new Session({ browser: { ...realBrowser(), fetch: server.fetch }, tabs });
  if (user !== null) {
    await session.start();
    await session.signIn({ kind: "development", user });
  }
  const i18n = await startI18n(language);
  render(<App platform={{ i18n, session, transport: backend.transport }} />);
  return { user: userEvent.setup(), session, server, signOutElsewhere };
}
