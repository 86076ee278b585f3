import { useNavigate } from "@tanstack/react-router";
import { useState, useSyncExternalStore } from "react";
import type { RequestSearch } from "../../app/search";
import { useTabs } from "../../app/TabsProvider";
import { allowed, type RequestDraft, requestOf, requestProblem } from "./request";
import type { AnswerView, RequestTab } from "./requestTab";

/** The tab of a connection, as a page works with it. */
export function useRequestTab(connection: string, readOnly: boolean, search: RequestSearch) {
  const navigate = useNavigate();
  const tab = useTabs().request.of(connection);
  const [raw, setDraft] = useState(() => openedAt(tab, search));
  const draft = allowed(raw, readOnly);
  const state = useSyncExternalStore(tab.run.subscribe, tab.run.snapshot);
  const problem = requestProblem(draft);

  const change = (changed: Partial<RequestDraft>) => {
    tab.draft = { ...tab.draft, ...changed };
    setDraft(tab.draft);
  };

  const showUrl = (search: RequestSearch) =>
    void navigate({ to: "/request/$name", params: { name: connection }, search, replace: true });

  const run = () => {
    if (problem !== null || state.phase === "running") return;
    showUrl({ ...searchOf(draft), ...(search.view ? { view: search.view } : {}) });
    void tab.run.start(requestOf(connection, draft));
  };

  return {
    draft,
    state,
    problem,
    change,
    run,
    cancel: () => tab.run.cancel(),
    show: (view: AnswerView) => showUrl({ ...search, view }),
  };
}

/** A link that names a table or a function opens it; else the tab stays as it was left. */
function openedAt(tab: RequestTab, { target = "table", of, ...rest }: RequestSearch): RequestDraft {
  const same = tab.draft.target === target && tab.draft.name.trim() === of;
  if (of !== undefined && !same) {
    const { select: columns = "", order = "", limit } = rest;
    const shown = { columns, order, limit: limit === undefined ? "" : String(limit) };
    tab.draft = { ...tab.draft, ...shown, target, name: of, method: "GET", filters: [], body: "" };
  }
  return tab.draft;
}

function searchOf({ target, name, columns, order, limit }: RequestDraft): RequestSearch {
  const filled = { of: name.trim(), select: columns.trim(), order: order.trim() };
  const texts = Object.entries(filled).filter(([, text]) => text !== "");
  const rows = limit.trim() === "" ? {} : { limit: Number(limit) };
  return { target, ...Object.fromEntries(texts), ...rows };
}
