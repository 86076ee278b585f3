import { Splitter } from "@mantine/core";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { TenantHeader } from "../connections/TenantHeader";
import { ParametersBar } from "./ParametersBar";
import { locate } from "./position";
import styles from "./QueryPage.module.css";
import { ResultPanel } from "./ResultPanel";
import { RunBar } from "./RunBar";
import type { RunState } from "./run";
import { useQueryTab } from "./useQueryTab";

/** Loaded on demand: the editor is the largest chunk, and the sign-in page does not need it. */
const SqlEditor = lazy(async () => ({ default: (await import("./SqlEditor")).SqlEditor }));

/** The SQL editor, its parameters and the result of the last run. */
export function QueryPage({ connection }: { connection: string }) {
  const { t } = useTranslation();
  const tab = useQueryTab(connection);
  const { draft, state } = tab;
  return (
    <div className={styles.page}>
      <TenantHeader connection={connection} />
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
                  onChange={(sql) => tab.change({ sql })}
                  onRun={tab.run}
                />
              </Suspense>
            </div>
            <ParametersBar
              parameters={tab.parameters}
              onChange={tab.changeParameter}
              onRun={tab.run}
            />
            <RunBar
              state={state}
              ready={tab.ready}
              limit={draft.limit}
              onLimit={(limit) => tab.change({ limit })}
              onRun={tab.run}
              onCancel={tab.cancel}
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

/** An error position refers to the text that was run, so it is dropped once that text has changed. */
function errorOffset(state: RunState, sql: string): number | null {
  if (state.phase !== "failed" || !state.error.sql || state.sql !== sql) return null;
  return locate(sql, state.error.sql.position)?.offset ?? null;
}
