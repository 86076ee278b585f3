import type { Transport } from "@connectrpc/connect";
import { Code, createPosternClient, PosternError, type TokenProvider } from "@postern/client";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import type { Session } from "../features/sign-in/session";
import { PosternProvider } from "./postern";
import { makeRouter } from "./router";
import { TabsProvider } from "./TabsProvider";

interface Props {
  user: string;
  session: Session;
  transport: (token: TokenProvider) => Transport;
}

/** One user's session: a client, a cache and query tabs that are discarded when the user changes. */
export function SignedIn({ user, session, transport }: Props) {
  const [postern] = useState(() =>
    createPosternClient({ transport: transport(() => session.token()) }),
  );
  const [queryClient] = useState(() => makeQueryClient((thrown) => endIfRefused(session, thrown)));
  const [router] = useState(() => makeRouter({ user, onSignOut: () => session.signOut() }));
  useEffect(() => () => queryClient.clear(), [queryClient]);
  return (
    <PosternProvider value={postern}>
      <QueryClientProvider client={queryClient}>
        <TabsProvider postern={postern} onFailure={(error) => endIfRefused(session, error)}>
          <RouterProvider router={router} />
        </TabsProvider>
      </QueryClientProvider>
    </PosternProvider>
  );
}

/** Signs out when any call reports that the server no longer accepts the token. */
function endIfRefused(session: Session, thrown: unknown): void {
  if (thrown instanceof PosternError && thrown.code === Code.Unauthenticated) session.signOut(true);
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
