import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Code, PosternError } from "../../client";
import { ErrorNote } from "../../parts/ErrorNote";

interface Props {
  error: PosternError;
  isNew: boolean;
  onReload: () => void;
}

/** Why nothing was saved. A stale version is the one case with a way out of its own. */
export function SaveProblem({ error, isNew, onReload }: Props) {
  const { t } = useTranslation();
  if (error.reason !== "VERSION_STALE") return <ErrorNote error={error} />;
  const told = (message: string) =>
    new PosternError(Code.Aborted, message, { reason: error.reason });
  if (isNew) return <ErrorNote error={told(t("form.stillThere"))} />;
  return (
    <ErrorNote error={told(t("form.staleText"))}>
      <Button variant="default" size="compact-xs" onClick={onReload}>
        {t("form.staleReload")}
      </Button>
    </ErrorNote>
  );
}
