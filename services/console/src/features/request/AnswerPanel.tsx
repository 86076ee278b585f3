import { SegmentedControl } from "@mantine/core";
import { CircleCheck, Rows3, Send, Timer } from "lucide-react";
import { Trans, useTranslation } from "react-i18next";
import { EmptyState } from "../../components/EmptyState";
import { ErrorNote } from "../../components/ErrorNote";
import { ResultGrid } from "../../components/grid/ResultGrid";
import { Problem } from "../../components/Problem";
import { runShortcut } from "../../components/shortcut";
import type { Answer } from "./answer";
import styles from "./RequestPage.module.css";
import type { RequestState } from "./requestRun";
import type { AnswerView } from "./requestTab";

interface Props {
  state: RequestState;
  connection: string;
  view: AnswerView;
  onView: (view: AnswerView) => void;
}

/** The outcome of the last request. */
export function AnswerPanel(props: Props) {
  const { t } = useTranslation();
  return (
    <section className={styles.answer} aria-label={t("request.answer")}>
      <Outcome {...props} />
    </section>
  );
}

function Outcome({ state, ...rest }: Props) {
  const { t } = useTranslation();
  switch (state.phase) {
    case "idle":
      return <Idle />;
    case "running":
      return <EmptyState icon={Timer} title={t("request.waiting")} />;
    case "cancelled":
      return <EmptyState icon={Timer} title={t("query.cancelled")} />;
    case "failed":
      return (
        <div className={styles.note}>
          <ErrorNote error={state.error} />
        </div>
      );
    case "done":
      return <Answered answer={state.answer} {...rest} />;
  }
}

function Idle() {
  const { t } = useTranslation();
  const text = (
    <Trans
      i18nKey="request.idleText"
      values={{ key: runShortcut }}
      components={{ kbd: <kbd className={styles.key} /> }}
    />
  );
  return <EmptyState icon={Send} title={t("query.idleTitle")} text={text} />;
}

type AnsweredProps = Omit<Props, "state"> & { answer: Answer };

function Answered({ answer, connection, view, onView }: AnsweredProps) {
  const { t } = useTranslation();
  const asGrid = view === "grid" && answer.rows !== null;
  return (
    <>
      <AnswerProblem answer={answer} />
      {answer.rows && (
        <div className={styles.views}>
          <SegmentedControl
            aria-label={t("request.view")}
            value={view}
            onChange={onView}
            data={[
              { value: "grid" as const, label: t("request.grid") },
              { value: "json" as const, label: t("request.json") },
            ]}
          />
        </div>
      )}
      {asGrid ? <Rows answer={answer} connection={connection} /> : <Text answer={answer} />}
    </>
  );
}

/** PostgREST's error, with its own hint and Postern's. */
function AnswerProblem({ answer: { problem, status, summary } }: { answer: Answer }) {
  const { t } = useTranslation();
  if (problem === null) return null;
  return (
    <div className={styles.note}>
      <Problem
        title={t("request.refused", { status })}
        code={problem.code}
        message={problem.message}
        verbatim
        detail={problem.details}
        hints={[problem.hint, summary.hint]}
      />
    </div>
  );
}

/** Keyed by result, so that each new one starts scrolled to the top. */
function Rows({ answer: { rows }, connection }: { answer: Answer; connection: string }) {
  const { t } = useTranslation();
  if (rows === null) return null;
  if (rows.count === 0) return <EmptyState icon={Rows3} title={t("query.noRows")} />;
  return (
    <div className={styles.grid}>
      <ResultGrid
        key={rows.id}
        rows={rows}
        count={rows.count}
        label={t("query.resultOf", { name: connection })}
      />
    </div>
  );
}

function Text({ answer: { text, cut } }: { answer: Answer }) {
  const { t } = useTranslation();
  if (text === "") return <EmptyState icon={CircleCheck} title={t("request.noBody")} />;
  return (
    <>
      {cut && <p className={styles.partial}>{t("request.cut")}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard has to reach it. */}
      <section className={styles.text} tabIndex={0} aria-label={t("request.answerText")}>
        {text}
      </section>
    </>
  );
}
