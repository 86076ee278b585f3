import { Button } from "@mantine/core";
import { Code, PosternError } from "@postern/client";
import { useTranslation } from "react-i18next";
import { ErrorNote } from "../../components/ErrorNote";

interface Props {
  error: PosternError;
  isNew: boolean;
  onReload: () => void;
}

/** Why a save failed. A stale version also offers to load the latest one. */
export function SaveProblem({ error, isNew, onReload }: Props) {
  const { t } = useTranslation();
  if (error.reason !== "VERSION_STALE") return <ErrorNote error={error} />;
  const withMessage = (message: string) =>
    new PosternError(Code.Aborted, message, { reason: error.reason });
  if (isNew) return <ErrorNote error={withMessage(t("form.nameTaken"))} />;
  return (
    <ErrorNote error={withMessage(t("form.staleText"))}>
      <Button variant="default" size="compact-xs" onClick={onReload}>
        {t("form.staleReload")}
      </Button>
    </ErrorNote>
  );
}
