import type { Transport } from "@connectrpc/connect";
import { MantineProvider } from "@mantine/core";
import type { TokenProvider } from "@postern/client";
import type { Session } from "@postern/session";
import { useSession } from "@postern/session/react";
import type { i18n } from "i18next";
import { useEffect } from "react";
import { I18nextProvider } from "react-i18next";
import { RenewalProblem } from "../features/sign-in/RenewalProblem";
import { SignInPage } from "../features/sign-in/SignInPage";
import { theme } from "../theme";
import { Boundary } from "./Boundary";
import { StoredDrafts } from "./drafts";
import { SignedIn } from "./SignedIn";

/** What the console needs from the browser. Tests pass their own network. */
export interface Platform {
  i18n: i18n;
  session: Session;
  transport: (token: TokenProvider) => Transport;
}

export function App({ platform }: { platform: Platform }) {
  return (
    <I18nextProvider i18n={platform.i18n}>
      {/* Without the style elements, which the content security policy forbids: see adoptVariables. */}
      <MantineProvider
        theme={theme}
        withCssVariables={false}
        withGlobalClasses={false}
        defaultColorScheme="auto"
      >
        <Boundary>
          <Gate platform={platform} />
        </Boundary>
      </MantineProvider>
    </I18nextProvider>
  );
}

/**
 * Keyed by user, so that nothing of the previous user's state survives a change of user. While a session has expired, its
 * user's state stays, out of sight: whoever signs in again goes on where they were, and what runs goes on.
 */
function Gate({ platform: { session, transport } }: { platform: Platform }) {
  const state = useSession(session);
  const { phase, user } = state;
  const active = phase === "signedIn";
  useEffect(() => session.onDiscard(discardDrafts), [session]);
  return (
    <>
      {user && (
        <div style={{ height: "100%" }} hidden={!active}>
          <SignedIn
            key={user.id}
            user={user}
            active={active}
            session={session}
            transport={transport}
          />
        </div>
      )}
      <RenewalProblem state={state} />
      {!active && <SignInPage session={session} state={state} />}
    </>
  );
}

function discardDrafts(userId: string): void {
  new StoredDrafts(window.sessionStorage, userId).discard();
}
