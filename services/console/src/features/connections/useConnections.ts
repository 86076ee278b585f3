import type { Connection, ConnectionChange, PosternError } from "@postern/client";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { usePostern } from "../../app/postern";

const KEY = ["connections"] as const;

export function useConnections() {
  const { connections } = usePostern();
  return useQuery<Connection[], PosternError>({
    queryKey: KEY,
    queryFn: ({ signal }) => connections.list(signal),
  });
}

export function useSaveConnection() {
  const { connections } = usePostern();
  const cache = useQueryClient();
  return useMutation<Connection, PosternError, ConnectionChange>({
    mutationFn: (change) => connections.save(change),
    // The variables contain the password, which must not stay in the cache.
    gcTime: 0,
    onSuccess: () => cache.invalidateQueries({ queryKey: KEY }),
  });
}

export function useDeleteConnection() {
  const { connections } = usePostern();
  const cache = useQueryClient();
  return useMutation<void, PosternError, Connection>({
    mutationFn: ({ name, version }) => connections.delete(name, version),
    onSettled: () => cache.invalidateQueries({ queryKey: KEY }),
  });
}
