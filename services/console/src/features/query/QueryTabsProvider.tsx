import type { Postern, PosternError } from "@postern/client";
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { QueryTabs } from "./queryTabs";

const QueryTabsContext = createContext<QueryTabs | null>(null);

interface Props {
  postern: Postern;
  onFailure: (error: PosternError) => void;
  children: ReactNode;
}

/** Keeps query tabs open across page changes, and cancels their queries on sign-out. */
export function QueryTabsProvider({ postern, onFailure, children }: Props) {
  const [tabs] = useState(() => new QueryTabs(postern, onFailure));
  useEffect(() => () => tabs.cancelAll(), [tabs]);
  return <QueryTabsContext value={tabs}>{children}</QueryTabsContext>;
}

export function useQueryTabs(): QueryTabs {
  const tabs = useContext(QueryTabsContext);
  if (tabs === null) throw new Error("useQueryTabs needs a QueryTabsProvider");
  return tabs;
}
