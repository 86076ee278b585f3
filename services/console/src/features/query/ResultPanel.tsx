import type { Rows } from "@postern/client";
import { CircleCheck, Rows3, SquareTerminal, Timer } from "lucide-react";
import { Trans, useTranslation } from "react-i18next";
import { EmptyState } from "../../components/EmptyState";
import { ErrorNote } from "../../components/ErrorNote";
import { ResultGrid } from "../../components/grid/ResultGrid";
import { runShortcut } from "../../components/shortcut";
import { locate } from "./position";
import styles from "./ResultPanel.module.css";
import type { RunState } from "./run";

interface Props {
  state: RunState;
  connection: string;
}

/** The outcome of the last run, in each of its phases. */
export function ResultPanel({ state, connection }: Props) {
  const { t } = useTranslation();
  return (
    <section className={styles.panel} aria-label={t("query.result")}>
      {state.phase === "failed" && <Failure state={state} />}
      <Arrived state={state} connection={connection} />
    </section>
  );
}

function Failure({ state }: { state: Extract<RunState, { phase: "failed" }> }) {
  const { t } = useTranslation();
  const at = state.error.sql && locate(state.sql, state.error.sql.position);
  return (
    <div className={styles.note}>
      <ErrorNote error={state.error}>
        {at && <span>{t("query.position", { line: at.line, column: at.column })}</span>}
      </ErrorNote>
    </div>
  );
}

function Arrived({ state, connection }: Props) {
  const { t } = useTranslation();
  if (state.phase === "idle") return <Idle />;
  const { rows } = state;
  const count = state.phase === "running" ? state.count : (rows?.count ?? 0);
  if (rows === null || count === 0) return <NoRows state={state} />;
  const stopped = state.phase === "failed" || state.phase === "cancelled";
  return (
    <>
      {stopped && <p className={styles.partial}>{t("query.partial")}</p>}
      <div className={styles.grid}>
        <Grid rows={rows} count={count} connection={connection} />
      </div>
    </>
  );
}

/** Keyed by result, so that each new one starts scrolled to the top. */
function Grid({ rows, count, connection }: { rows: Rows; count: number; connection: string }) {
  const { t } = useTranslation();
  return (
    <ResultGrid
      key={rows.id}
      rows={rows}
      count={count}
      label={t("query.resultOf", { name: connection })}
    />
  );
}

function NoRows({ state }: { state: RunState }) {
  const { t } = useTranslation();
  if (state.phase === "running") return <EmptyState icon={Timer} title={t("query.waiting")} />;
  if (state.phase === "cancelled") return <EmptyState icon={Timer} title={t("query.cancelled")} />;
  if (state.phase !== "done") return null;
  const { rows, summary } = state;
  if (rows.columns.length > 0) return <EmptyState icon={Rows3} title={t("query.noRows")} />;
  return <EmptyState icon={CircleCheck} title={t("query.noResult")} text={summary.commandTag} />;
}

function Idle() {
  const { t } = useTranslation();
  const text = (
    <Trans
      i18nKey="query.idleText"
      values={{ key: runShortcut }}
      components={{ kbd: <kbd className={styles.kbd} /> }}
    />
  );
  return <EmptyState icon={SquareTerminal} title={t("query.idleTitle")} text={text} />;
}
