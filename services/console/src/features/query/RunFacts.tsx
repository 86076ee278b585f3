import { Tooltip } from "@mantine/core";
import type { Summary } from "@postern/client";
import { Scissors, UserRound } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Elapsed, Ticking } from "../../components/Elapsed";
import { Tag } from "../../components/Tag";
import { Timings } from "../../components/Timings";
import type { RunState } from "./run";

/** Row count, elapsed time, truncation and the role of the last run. */
export function RunFacts({ state }: { state: RunState }) {
  const { t } = useTranslation();
  switch (state.phase) {
    case "idle":
      return null;
    case "running":
      return (
        <>
          <RowsTag count={state.count} />
          <Ticking since={state.startedAt} />
        </>
      );
    case "done":
      return <Done elapsed={state.elapsed} summary={state.summary} count={state.rows.count} />;
    default:
      return (
        <>
          {state.phase === "cancelled" && <Tag tone="warn">{t("query.cancelled")}</Tag>}
          {state.rows && <RowsTag count={state.rows.count} />}
          <Elapsed milliseconds={state.elapsed} />
        </>
      );
  }
}

interface DoneProps {
  elapsed: number;
  summary: Summary;
  count: number;
}

function Done({ elapsed, summary, count }: DoneProps) {
  const { t } = useTranslation();
  const why = summary.truncated === "bytes" ? t("query.truncatedBytes") : t("query.truncatedRows");
  return (
    <>
      {summary.truncated && (
        <Tooltip label={why}>
          <Tag icon={Scissors} tone="warn">
            {t("query.truncated", { count })}
          </Tag>
        </Tooltip>
      )}
      {summary.commandTag !== "" && !summary.commandTag.startsWith("SELECT") && (
        <Tag>{summary.commandTag}</Tag>
      )}
      <RowsTag count={count} />
      <Tooltip label={<Timings timings={summary.timings} />}>
        <Elapsed milliseconds={elapsed} />
      </Tooltip>
      {summary.role !== "" && (
        <Tooltip label={t("query.roleHint")}>
          <Tag icon={UserRound}>{t("query.role", { role: summary.role })}</Tag>
        </Tooltip>
      )}
    </>
  );
}

function RowsTag({ count }: { count: number }) {
  const { t } = useTranslation();
  return (
    <Tag tone="good" data-testid="row-count">
      {t("query.rows", { count })}
    </Tag>
  );
}
