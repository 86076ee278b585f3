import type { Transport } from "@connectrpc/connect";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Code, createPostern, PosternError, type TokenSource } from "../client";
import { DesksProvider } from "../features/query/DesksProvider";
import type { Session } from "../features/sign-in/session";
import { PosternProvider } from "./postern";
import { Workspace } from "./Workspace";

interface Props {
  user: string;
  session: Session;
  transport: (tokens: TokenSource) => Transport;
}

/** One user's time in the console: a client, a cache and open queries that nobody else shares. */
export function SignedIn({ user, session, transport }: Props) {
  const [postern] = useState(() => createPostern(transport(session)));
  const [queryClient] = useState(() => makeQueryClient((thrown) => endIfRefused(session, thrown)));
  useEffect(() => () => queryClient.clear(), [queryClient]);
  return (
    <PosternProvider value={postern}>
      <QueryClientProvider client={queryClient}>
        <DesksProvider postern={postern} onFailure={(error) => endIfRefused(session, error)}>
          <Workspace user={user} onSignOut={() => session.signOut()} />
        </DesksProvider>
      </QueryClientProvider>
    </PosternProvider>
  );
}

/** A token the server no longer takes ends the session, wherever that shows first. */
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
