import { ActionIcon, Tooltip } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { Settings2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { AccessTag, TransportTag } from "./ConnectionTags";
import { type ConnectionFacts, factsOf } from "./facts";
import { KeySortTag } from "./KeyTag";
import { sortOf } from "./keySort";
import styles from "./TenantHeader.module.css";
import { useConnections } from "./useConnections";

/** Shows which tenant a page works on and with what access. */
export function TenantHeader({ connection }: { connection: string }) {
  const { t } = useTranslation();
  const list = useConnections();
  const known = list.data?.find(({ name }) => name === connection);
  const facts = known && factsOf(known);
  const navigate = useNavigate();
  const edit = () => void navigate({ to: "/connections/$name/edit", params: { name: connection } });
  return (
    <header className={styles.header}>
      <h1 className={styles.name}>{connection}</h1>
      {facts && (
        <>
          <span className={styles.endpoint}>{facts.endpoint}</span>
          <ServingKeyTag facts={facts} />
          <AccessTag readOnly={facts.readOnly} />
          <TransportTag transport={facts.transport} />
          <Tooltip label={t("connections.edit")}>
            <ActionIcon aria-label={`${t("connections.edit")}: ${connection}`} onClick={edit}>
              <Settings2 size={16} />
            </ActionIcon>
          </Tooltip>
        </>
      )}
      {list.data && !known && (
        <span className={styles.gone} role="status">
          {t("connections.gone", { name: connection })}
        </span>
      )}
    </header>
  );
}

/** The key that requests are made with, as it decides what they can reach. */
function ServingKeyTag({ facts: { keys, serving } }: { facts: ConnectionFacts }) {
  const key = keys.find(({ name }) => name === serving);
  const sort = key === undefined ? null : sortOf(key);
  return sort && <KeySortTag sort={sort} />;
}
