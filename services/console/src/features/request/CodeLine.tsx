import { ActionIcon, CopyButton } from "@mantine/core";
import { Check, Copy } from "lucide-react";
import { useTranslation } from "react-i18next";
import styles from "./RequestPage.module.css";

/** The request as a line of supabase-js, to copy. */
export function CodeLine({ code }: { code: string }) {
  const { t } = useTranslation();
  return (
    <div className={styles.code}>
      <code>{code}</code>
      <CopyButton value={code}>
        {({ copied, copy }) => (
          <ActionIcon
            aria-label={copied ? t("request.copied") : t("request.copyCode")}
            onClick={copy}
          >
            {copied ? <Check size={14} /> : <Copy size={14} />}
          </ActionIcon>
        )}
      </CopyButton>
    </div>
  );
}
