import type { Parameter } from "@postern/client";
import { useState, useSyncExternalStore } from "react";
import { useTabs } from "../../app/TabsProvider";
import { newParameter, type ParameterDraft, parameterCount, parameterValue } from "./parameters";
import type { Draft } from "./queryTab";

/** A connection's query tab: its state and the actions of the query page. */
export function useQueryTab(connection: string) {
  const tab = useTabs().query.of(connection);
  const [draft, setDraft] = useState(tab.draft);
  const state = useSyncExternalStore(tab.run.subscribe, tab.run.snapshot);
  const parameters = parametersOf(draft);
  const values = parameters.map(parameterValue);

  const change = (changed: Partial<Draft>) => {
    tab.draft = { ...tab.draft, ...changed };
    setDraft(tab.draft);
  };

  const changeParameter = (index: number, parameter: ParameterDraft) =>
    change({ parameters: parametersOf(tab.draft).with(index, parameter) });

  const ready = draft.sql.trim() !== "" && values.every((value) => value !== undefined);

  const run = () => {
    if (!ready || state.phase === "running") return;
    const { sql, limit } = draft;
    void tab.run.start({ connection, sql, maxRows: limit, parameters: values as Parameter[] });
  };

  return {
    draft,
    parameters,
    state,
    ready,
    change,
    changeParameter,
    run,
    cancel: () => tab.run.cancel(),
  };
}

/** One per parameter in the statement; values of removed parameters are kept in the draft. */
function parametersOf({ sql, parameters }: Draft): ParameterDraft[] {
  const count = parameterCount(sql);
  return Array.from({ length: count }, (_, index) => parameters[index] ?? newParameter);
}
