import { Eye, Lock, LockOpen, PencilLine } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Tag } from "../../components/Tag";
import type { ConnectionFacts } from "./facts";

export function AccessTag({ readOnly }: Pick<ConnectionFacts, "readOnly">) {
  const { t } = useTranslation();
  if (readOnly) return <Tag icon={Eye}>{t("connections.readOnly")}</Tag>;
  return (
    <Tag icon={PencilLine} tone="warn">
      {t("connections.readWrite")}
    </Tag>
  );
}

export function TransportTag({ transport }: Pick<ConnectionFacts, "transport">) {
  const { t } = useTranslation();
  const off = transport === "tlsOff";
  return <Tag icon={off ? LockOpen : Lock}>{t(`connections.${transport}`)}</Tag>;
}
