import type { Postern, PosternError } from "@postern/client";
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { QueryTab } from "../features/query/queryTab";
import { Run } from "../features/query/run";
import { RequestRun } from "../features/request/requestRun";
import { RequestTab } from "../features/request/requestTab";
import type { StoredDrafts } from "./drafts";
import { Tabs } from "./tabs";

interface AllTabs {
  query: Tabs<QueryTab>;
  request: Tabs<RequestTab>;
}

const TabsContext = createContext<AllTabs | null>(null);

interface Props {
  postern: Postern;
  drafts: StoredDrafts;
  /** Subscribes to the page being left for the identity provider's. */
  onLeave: (listener: () => void) => () => void;
  onFailure: (error: PosternError) => void;
  children: ReactNode;
}

/** Keeps tabs open across page changes, and cancels what they run on sign-out. */
export function TabsProvider({ postern, drafts, onLeave, onFailure, children }: Props) {
  const [tabs] = useState<AllTabs>(() => {
    const kept = drafts.take();
    return {
      query: new Tabs(
        (name) => new QueryTab(name, new Run({ postern, onFailure }), kept.get(name)),
      ),
      request: new Tabs(() => new RequestTab(new RequestRun({ postern, onFailure }))),
    };
  });
  useEffect(() => onLeave(() => drafts.store(tabs.query)), [tabs, drafts, onLeave]);
  useEffect(
    () => () => {
      tabs.query.cancelAll();
      tabs.request.cancelAll();
    },
    [tabs],
  );
  return <TabsContext value={tabs}>{children}</TabsContext>;
}

export function useTabs(): AllTabs {
  const tabs = useContext(TabsContext);
  if (tabs === null) throw new Error("useTabs needs a TabsProvider");
  return tabs;
}
