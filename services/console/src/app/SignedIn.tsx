import type { Transport } from "@connectrpc/connect";
import { Code, createPosternClient, PosternError, type TokenProvider } from "@postern/client";
import type { Session, User } from "@postern/session";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { StoredDrafts } from "./drafts";
import { endIfRefused } from "./endIfRefused";
import { PosternProvider } from "./postern";
import { makeRouter } from "./router";
import { TabsProvider } from "./TabsProvider";

interface Props {
  user: User;
  /** False while the session has expired and the page is out of sight. */
  active: boolean;
  session: Session;
  transport: (token: TokenProvider) => Transport;
}

/** One user's session: a client, a cache and query tabs that are discarded when the user changes. */
export function SignedIn({ user, active, session, transport }: Props) {
  const [postern] = useState(() =>
    createPosternClient({ transport: transport(session.tokenOf(user.id)) }),
  );
  const [queryClient] = useState(() =>
    makeQueryClient((thrown) => endIfRefused(session, user, thrown)),
  );
  const [router] = useState(() =>
    makeRouter({ user: user.name, onSignOut: () => void session.signOut() }),
  );
  const [drafts] = useState(() => new StoredDrafts(window.sessionStorage, user.id));
  useEffect(() => () => queryClient.clear(), [queryClient]);
  useEffect(() => {
    if (active) void queryClient.invalidateQueries();
  }, [active, queryClient]);
  return (
    <PosternProvider value={postern}>
      <QueryClientProvider client={queryClient}>
        <TabsProvider
          postern={postern}
          drafts={drafts}
          onLeave={session.onLeave}
          onFailure={(error) => endIfRefused(session, user, error)}
        >
          <RouterProvider router={router} />
        </TabsProvider>
      </QueryClientProvider>
    </PosternProvider>
  );
}

function makeQueryClient(onError: (thrown: unknown) => void): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: { retry: retriable, staleTime: 10_000 },
      mutations: { retry: false },
    },
  });
}

function retriable(failures: number, thrown: unknown): boolean {
  return failures < 2 && thrown instanceof PosternError && thrown.code === Code.Unavailable;
}
