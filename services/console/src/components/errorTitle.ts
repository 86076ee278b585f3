import { Code, type PosternError } from "@postern/client";
import { useTranslation } from "react-i18next";
import en from "../i18n/en.json";

type Reason = keyof typeof en.error.reason;
type CodeName = keyof typeof en.error.code;

const codeNames: Partial<Record<Code, CodeName>> = {
  [Code.Unavailable]: "unavailable",
  [Code.Unauthenticated]: "unauthenticated",
  [Code.PermissionDenied]: "permissionDenied",
  [Code.ResourceExhausted]: "resourceExhausted",
  [Code.DeadlineExceeded]: "deadlineExceeded",
};

/** The title for an error: by Postern's reason if it has a known one, else by status code. */
export function useErrorTitle(): (error: PosternError) => string {
  const { t } = useTranslation();
  return ({ reason, code }) =>
    isKnown(reason) ? t(`error.reason.${reason}`) : t(`error.code.${codeNames[code] ?? "other"}`);
}

function isKnown(reason: string | undefined): reason is Reason {
  return reason !== undefined && Object.hasOwn(en.error.reason, reason);
}
