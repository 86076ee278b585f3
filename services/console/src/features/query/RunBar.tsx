import { Button, NativeSelect } from "@mantine/core";
import { Play, Square } from "lucide-react";
import { useTranslation } from "react-i18next";
import { runShortcut } from "../../components/shortcut";
import styles from "./RunBar.module.css";
import { RunFacts } from "./RunFacts";
import type { RunState } from "./run";

const LIMITS = [100, 1_000, 10_000, 100_000];

interface Props {
  state: RunState;
  ready: boolean;
  limit: number;
  onLimit: (limit: number) => void;
  onRun: () => void;
  onCancel: () => void;
}

export function RunBar({ state, ready, limit, onLimit, onRun, onCancel }: Props) {
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
          leftSection={<Play size={12} fill="currentColor" />}
          disabled={!ready}
          onClick={onRun}
        >
          {t("query.run")}
          <span className={styles.kbd} aria-hidden="true">
            &nbsp;{runShortcut}
          </span>
        </Button>
      )}
      <NativeSelect
        className={styles.limit ?? ""}
        aria-label={t("query.limit")}
        value={limit}
        onChange={({ currentTarget }) => onLimit(Number(currentTarget.value))}
        data={LIMITS.map((count) => ({
          value: String(count),
          label: t("query.rowsLimit", { count }),
        }))}
      />
      <div className={styles.facts} role="status">
        <RunFacts state={state} />
      </div>
    </div>
  );
}
