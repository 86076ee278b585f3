import { ActionIcon, CopyButton } from "@mantine/core";
import { Check, Copy } from "lucide-react";
import { useTranslation } from "react-i18next";
import styles from "./RequestId.module.css";

/** A request ID with a button that copies it, so that a user can pass it on to an operator. */
export function RequestId({ id }: { id: string }) {
  const { t } = useTranslation();
  return (
    <span className={styles.id}>
      <code className={styles.code}>{id}</code>
      <CopyButton value={id}>
        {({ copied, copy }) => (
          <ActionIcon
            size={20}
            aria-label={copied ? t("error.requestIdCopied") : t("error.copyRequestId")}
            onClick={copy}
          >
            {copied ? <Check size={13} /> : <Copy size={13} />}
          </ActionIcon>
        )}
      </CopyButton>
    </span>
  );
}
