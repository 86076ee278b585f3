import { createContext, useContext } from "react";
import type { Postern } from "../client";

const PosternContext = createContext<Postern | null>(null);

export const PosternProvider = PosternContext.Provider;

/** The signed-in user's client. */
export function usePostern(): Postern {
  const postern = useContext(PosternContext);
  if (postern === null) throw new Error("usePostern needs a PosternProvider");
  return postern;
}
