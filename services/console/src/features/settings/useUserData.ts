import type { ErasedData, PosternError } from "@postern/client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { usePostern } from "../../app/postern";
import { download } from "./download";

/** Downloads the user's data as a file, whose name is the result. */
export function useExportData() {
  const { userData } = usePostern();
  return useMutation<string, PosternError>({
    mutationFn: async () => {
      const file = `postern-data-${new Date().toISOString().slice(0, 10)}.json`;
      download(file, "application/json", await userData.export());
      return file;
    },
  });
}

export function useEraseData() {
  const { userData } = usePostern();
  const cache = useQueryClient();
  return useMutation<ErasedData, PosternError>({
    mutationFn: () => userData.erase(),
    onSettled: () => cache.invalidateQueries(),
  });
}
