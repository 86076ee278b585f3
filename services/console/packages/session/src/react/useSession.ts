import { useEffect, useSyncExternalStore } from "react";
import type { Session, SessionState } from "../session.js";

/** The session's state. Starts it, and keeps it informed of what the browser does with the page. */
export function useSession(session: Session): SessionState {
  useEffect(() => {
    void session.start();
    // A page that the browser has kept in its back-forward cache goes on where it was left.
    const shown = ({ persisted }: PageTransitionEvent) => persisted && session.cameBack();
    window.addEventListener("pageshow", shown);
    return () => window.removeEventListener("pageshow", shown);
  }, [session]);
  return useSyncExternalStore(session.subscribe, session.snapshot);
}
