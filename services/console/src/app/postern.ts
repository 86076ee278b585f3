import type { Postern } from "@postern/client";
import { createContext, useContext } from "react";

const PosternContext = createContext<Postern | null>(null);

export const PosternProvider = PosternContext.Provider;

/** The signed-in user's client. */
export function usePostern(): Postern {
  const postern = useContext(PosternContext);
  if (postern === null) throw new Error("usePostern needs a PosternProvider");
  return postern;
}
