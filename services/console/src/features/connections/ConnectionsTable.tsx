import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { ActionIcon, Tooltip } from "@mantine/core";
import type { Connection } from "@postern/client";
import { Link, useNavigate } from "@tanstack/react-router";
import { Pencil, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../../i18n/format";
import styles from "./ConnectionsPage.module.css";
import { AccessTag, TransportTag } from "./ConnectionTags";
import { factsOf } from "./facts";
import { StoredKeyTag } from "./KeyTag";
import { KindIcon } from "./KindIcon";
import { tenantLink } from "./tenantLink";

interface Props {
  connections: readonly Connection[];
  onDelete: (connection: Connection) => void;
}

export function ConnectionsTable({ connections, onDelete }: Props) {
  const { t } = useTranslation();
  return (
    <table className={styles.table} aria-label={t("connections.title")}>
      <thead>
        <tr>
          <th scope="col">{t("connections.name")}</th>
          <th scope="col">{t("connections.endpoint")}</th>
          <th scope="col">{t("connections.roleOrKeys")}</th>
          <th scope="col">{t("connections.access")}</th>
          <th scope="col">{t("connections.transport")}</th>
          <th scope="col">{t("connections.updated")}</th>
          <td />
        </tr>
      </thead>
      <tbody>
        {connections.map((connection) => (
          <ConnectionRow key={connection.name} connection={connection} onDelete={onDelete} />
        ))}
      </tbody>
    </table>
  );
}

function ConnectionRow({
  connection,
  onDelete,
}: {
  connection: Connection;
  onDelete: Props["onDelete"];
}) {
  const { t } = useTranslation();
  const { name, updateTime } = connection;
  const facts = factsOf(connection);
  const navigate = useNavigate();
  const edit = () => void navigate({ to: "/connections/$name/edit", params: { name } });
  return (
    <tr>
      <td>
        <div className={styles.named}>
          <KindIcon kind={facts.kind} className={styles.kind ?? ""} />
          <Link className={styles.name} {...tenantLink(connection)}>
            {name}
          </Link>
        </div>
      </td>
      <td className={styles.mono} title={facts.endpoint}>
        {facts.endpoint}
      </td>
      <td className={styles.mono}>
        {facts.role}
        <span className={styles.keys}>
          {facts.keys.map((secret) => (
            <StoredKeyTag
              key={secret.name}
              secret={secret}
              serves={secret.name === facts.serving}
            />
          ))}
        </span>
      </td>
      <td>
        <AccessTag readOnly={facts.readOnly} />
      </td>
      <td>
        <TransportTag transport={facts.transport} />
      </td>
      <td className={styles.quiet}>
        <Moment time={updateTime} />
      </td>
      <td className={styles.actions}>
        <Tooltip label={t("connections.edit")}>
          <ActionIcon aria-label={`${t("connections.edit")}: ${name}`} onClick={edit}>
            <Pencil size={15} />
          </ActionIcon>
        </Tooltip>
        <Tooltip label={t("connections.delete")}>
          <ActionIcon
            aria-label={`${t("connections.delete")}: ${name}`}
            onClick={() => onDelete(connection)}
          >
            <Trash2 size={15} />
          </ActionIcon>
        </Tooltip>
      </td>
    </tr>
  );
}

function Moment({ time }: { time: Timestamp | undefined }) {
  const format = useFormat();
  if (!time) return null;
  const date = timestampDate(time);
  return <time dateTime={date.toISOString()}>{format.moment(date)}</time>;
}
