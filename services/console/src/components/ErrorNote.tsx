import { Code, type PosternError } from "@postern/client";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../i18n/format";
import { useErrorTitle } from "./errorTitle";
import { Problem } from "./Problem";
import { RequestId } from "./RequestId";

/** An error: a translated title, the server's message, and what the user can do about it. */
export function ErrorNote({ error, children }: { error: PosternError; children?: ReactNode }) {
  const { t } = useTranslation();
  const title = useErrorTitle()(error);
  const format = useFormat();
  const { sql, retryAfter, requestId } = error;
  const notes = [
    ...(retryAfter === undefined
      ? []
      : [t("error.retryAfter", { time: format.duration(retryAfter) })]),
  ];
  return (
    <Problem
      title={title}
      code={sql ? t("error.sqlstate", { code: sql.sqlstate }) : ""}
      message={sql?.message || error.message}
      verbatim={sql !== undefined}
      detail={sql?.detail ?? ""}
      hints={[sql?.hint || error.hint || ""]}
      notes={notes}
      requestId={
        requestId !== undefined && needsOperator(error) ? <RequestId id={requestId} /> : null
      }
    >
      {children}
    </Problem>
  );
}

/** An operator can find the cause of these errors in the logs, by request ID. */
function needsOperator({ code }: PosternError): boolean {
  return code === Code.Internal || code === Code.Unavailable;
}
