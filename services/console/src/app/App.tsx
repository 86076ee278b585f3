import type { Transport } from "@connectrpc/connect";
import { MantineProvider } from "@mantine/core";
import type { TokenProvider } from "@postern/client";
import type { i18n } from "i18next";
import { useSyncExternalStore } from "react";
import { I18nextProvider } from "react-i18next";
import { SignInPage } from "../features/sign-in/SignInPage";
import type { Session } from "../features/sign-in/session";
import { cssVariables, theme } from "../theme";
import { Boundary } from "./Boundary";
import { SignedIn } from "./SignedIn";

/** What the console needs from the browser. Tests pass their own network. */
export interface Platform {
  i18n: i18n;
  session: Session;
  fetch: typeof fetch;
  transport: (token: TokenProvider) => Transport;
}

export function App({ platform }: { platform: Platform }) {
  return (
    <I18nextProvider i18n={platform.i18n}>
      <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
        <Boundary>
          <Gate platform={platform} />
        </Boundary>
      </MantineProvider>
    </I18nextProvider>
  );
}

/** Keyed by user, so that nothing of the previous user's state survives a change of user. */
function Gate({ platform }: { platform: Platform }) {
  const { session } = platform;
  const { user } = useSyncExternalStore(session.subscribe, session.snapshot);
  if (user === null) return <SignInPage session={session} fetcher={platform.fetch} />;
  return <SignedIn key={user} user={user} session={session} transport={platform.transport} />;
}
