import { Button, Tooltip } from "@mantine/core";
import { Play, Square } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Elapsed, Ticking } from "../../components/Elapsed";
import { runShortcut } from "../../components/shortcut";
import { Tag } from "../../components/Tag";
import { Timings } from "../../components/Timings";
import styles from "./RequestPage.module.css";
import type { RequestProblem } from "./request";
import type { RequestState } from "./requestRun";

interface Props {
  state: RequestState;
  problem: RequestProblem | null;
  onCancel: () => void;
}

/** Runs or cancels the request, says why it can't be run, and shows the facts of the last run. */
export function RequestBar({ state, problem, onCancel }: Props) {
  const { t } = useTranslation();
  return (
    <div className={styles.bar}>
      {state.phase === "running" ? (
        <Button
          variant="default"
          leftSection={<Square size={12} fill="currentColor" />}
          onClick={onCancel}
        >
          {t("query.cancel")}
        </Button>
      ) : (
        <Button
          type="submit"
          leftSection={<Play size={12} fill="currentColor" />}
          disabled={problem !== null}
        >
          {t("query.run")}
          <span className={styles.kbd} aria-hidden="true">
            &nbsp;{runShortcut}
          </span>
        </Button>
      )}
      {problem !== null && (
        <span className={styles.problem}>{t(`request.problem.${problem}`)}</span>
      )}
      <div className={styles.facts} role="status">
        <Facts state={state} />
      </div>
    </div>
  );
}

function Facts({ state }: { state: RequestState }) {
  const { t } = useTranslation();
  if (state.phase === "idle") return null;
  if (state.phase === "running") return <Ticking since={state.startedAt} />;
  if (state.phase !== "done") {
    return (
      <>
        {state.phase === "cancelled" && <Tag tone="warn">{t("query.cancelled")}</Tag>}
        <Elapsed milliseconds={state.elapsed} />
      </>
    );
  }
  const { status, contentRange, rows, summary } = state.answer;
  return (
    <>
      <Tag tone={status < 400 ? "good" : "warn"}>{t("request.status", { status })}</Tag>
      {contentRange !== "" && <Tag>{t("request.range", { range: contentRange })}</Tag>}
      {rows && (
        <Tag tone="good" data-testid="row-count">
          {t("query.rows", { count: rows.count })}
        </Tag>
      )}
      <Tooltip label={<Timings timings={summary.timings} />}>
        <Elapsed milliseconds={state.elapsed} />
      </Tooltip>
    </>
  );
}
