import { Code, PosternError } from "@postern/client";
import type { Session, User } from "@postern/session";

/**
 * Asks to sign in again when a call of `user` reports that the server no longer accepts the user's tokens. Does nothing
 * if somebody else is signed in by the time the call fails.
 */
export function endIfRefused(session: Session, user: User, thrown: unknown): void {
  const refused = thrown instanceof PosternError && thrown.code === Code.Unauthenticated;
  if (refused && session.snapshot().user?.id === user.id) session.refuse();
}
