import { Splitter } from "@mantine/core";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { ParametersBar } from "./ParametersBar";
import { locate } from "./position";
import { QueryHeader } from "./QueryHeader";
import styles from "./QueryPage.module.css";
import { ResultPanel } from "./ResultPanel";
import { RunBar } from "./RunBar";
import type { RunState } from "./run";
import { useDesk } from "./useDesk";

/** The editor is the largest part of the console; nobody needs it to sign in. */
const SqlEditor = lazy(async () => ({ default: (await import("./SqlEditor")).SqlEditor }));

/** Write a statement, run it, look at what comes. */
export function QueryPage({ connection }: { connection: string }) {
  const { t } = useTranslation();
  const desk = useDesk(connection);
  const { draft, state } = desk;
  return (
    <div className={styles.page}>
      <QueryHeader connection={connection} />
      <Splitter
        orientation="vertical"
        className={styles.split ?? ""}
        classNames={{ pane: styles.pane ?? "", handle: styles.handle ?? "" }}
        attributes={{ handle: { "aria-label": t("query.resize") } }}
        lineSize={1}
        withHandle={false}
        step={2}
      >
        <Splitter.Pane defaultSize={38} min={18}>
          <div className={styles.upper}>
            <div className={styles.editor}>
              <Suspense>
                <SqlEditor
                  initial={draft.sql}
                  label={t("query.editor")}
                  errorAt={errorOffset(state, draft.sql)}
                  onChange={(sql) => desk.change({ sql })}
                  onRun={desk.run}
                />
              </Suspense>
            </div>
            <ParametersBar
              parameters={desk.parameters}
              onChange={desk.changeParameter}
              onRun={desk.run}
            />
            <RunBar
              state={state}
              ready={desk.ready}
              limit={draft.limit}
              onLimit={(limit) => desk.change({ limit })}
              onRun={desk.run}
              onCancel={desk.cancel}
            />
          </div>
        </Splitter.Pane>
        <Splitter.Pane defaultSize={62} min={20}>
          <ResultPanel state={state} connection={connection} />
        </Splitter.Pane>
      </Splitter>
    </div>
  );
}

/** A position belongs to the text that was run; once that has changed it would point anywhere. */
function errorOffset(state: RunState, sql: string): number | null {
  if (state.phase !== "failed" || !state.error.sql || state.sql !== sql) return null;
  return locate(sql, state.error.sql.position)?.offset ?? null;
}
