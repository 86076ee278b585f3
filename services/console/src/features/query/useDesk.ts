import { useState, useSyncExternalStore } from "react";
import type { Parameter } from "../../client";
import { useDesks } from "./DesksProvider";
import type { Draft } from "./desk";
import { newParameter, type ParameterDraft, parameterCount, parameterValue } from "./parameters";

/** The desk of a connection, as a page works with it. */
export function useDesk(connection: string) {
  const desk = useDesks().of(connection);
  const [draft, setDraft] = useState(desk.draft);
  const state = useSyncExternalStore(desk.run.subscribe, desk.run.snapshot);
  const parameters = parametersOf(draft);
  const values = parameters.map(parameterValue);

  const change = (changed: Partial<Draft>) => {
    desk.draft = { ...desk.draft, ...changed };
    setDraft(desk.draft);
  };

  const changeParameter = (index: number, parameter: ParameterDraft) =>
    change({ parameters: parametersOf(desk.draft).with(index, parameter) });

  const ready = draft.sql.trim() !== "" && values.every((value) => value !== undefined);

  const run = () => {
    if (!ready || state.phase === "running") return;
    const { sql, limit } = draft;
    void desk.run.start({ connection, sql, maxRows: limit, parameters: values as Parameter[] });
  };

  return {
    draft,
    parameters,
    state,
    ready,
    change,
    changeParameter,
    run,
    cancel: () => desk.run.cancel(),
  };
}

/** As many as the statement asks for; what was typed for the others is kept for later. */
function parametersOf({ sql, parameters }: Draft): ParameterDraft[] {
  const count = parameterCount(sql);
  return Array.from({ length: count }, (_, index) => parameters[index] ?? newParameter);
}
