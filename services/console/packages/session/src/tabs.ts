/** Tells the other tabs of this browser that somebody has signed out, and hears it from them. */
export interface OtherTabs {
  signedOut(userId: string): void;
  onSignedOut(listener: (userId: string) => void): void;
}

export function otherTabs(): OtherTabs {
  const channel = new BroadcastChannel("postern.session");
  return {
    signedOut: (userId) => channel.postMessage({ signedOut: userId }),
    onSignedOut(listener) {
      channel.addEventListener("message", ({ data }) => {
        const userId: unknown = (data as { signedOut?: unknown } | null)?.signedOut;
        if (typeof userId === "string") listener(userId);
      });
    },
  };
}
