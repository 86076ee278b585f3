import { ActionIcon, Skeleton, Tooltip } from "@mantine/core";
import type { Connection } from "@postern/client";
import { Database, LogOut, Plus } from "lucide-react";
import { useTranslation } from "react-i18next";
import { factsOf } from "../features/connections/facts";
import { useConnections } from "../features/connections/useConnections";
import { Logo } from "../theme";
import { Preferences } from "./Preferences";
import { RouteLink } from "./RouteLink";
import { navigate, type Route } from "./route";
import styles from "./Sidebar.module.css";

interface Props {
  route: Route;
  user: string;
  onSignOut: () => void;
}

export function Sidebar({ route, user, onSignOut }: Props) {
  const { t } = useTranslation();
  const add = () => navigate({ page: "connections", form: { kind: "new" } });
  return (
    <nav aria-label={t("app.navigation")} className={styles.sidebar}>
      <div className={styles.brand}>
        <Logo />
        Postern
      </div>
      <div className={styles.section}>
        <RouteLink
          to={{ page: "connections", form: null }}
          className={styles.heading}
          aria-current={route.page === "connections" ? "page" : undefined}
        >
          {t("connections.title")}
        </RouteLink>
        <Tooltip label={t("connections.add")}>
          <ActionIcon size={24} aria-label={t("connections.add")} onClick={add}>
            <Plus size={15} />
          </ActionIcon>
        </Tooltip>
      </div>
      <ConnectionLinks selected={route.page === "query" ? route.connection : null} />
      <div className={styles.foot}>
        <Preferences />
        <User user={user} onSignOut={onSignOut} />
      </div>
    </nav>
  );
}

function ConnectionLinks({ selected }: { selected: string | null }) {
  const { t } = useTranslation();
  const list = useConnections();
  if (list.data === undefined) {
    return <div className={styles.list}>{!list.error && <Skeleton height={40} />}</div>;
  }
  return (
    <ul className={styles.list}>
      {list.data.length === 0 && <li className={styles.empty}>{t("connections.emptyShort")}</li>}
      {list.data.map((connection) => (
        <li key={connection.name}>
          <ConnectionLink connection={connection} selected={connection.name === selected} />
        </li>
      ))}
    </ul>
  );
}

function ConnectionLink({ connection, selected }: { connection: Connection; selected: boolean }) {
  const { name } = connection;
  return (
    <RouteLink
      to={{ page: "query", connection: name }}
      className={styles.item}
      aria-current={selected ? "page" : undefined}
    >
      <Database size={15} strokeWidth={1.75} className={styles.icon} aria-hidden="true" />
      <span className={styles.name}>{name}</span>
      <span className={styles.endpoint}>{factsOf(connection).endpoint}</span>
    </RouteLink>
  );
}

function User({ user, onSignOut }: { user: string; onSignOut: () => void }) {
  const { t } = useTranslation();
  return (
    <div className={styles.user}>
      <span className={styles.avatar} aria-hidden="true">
        {user.slice(0, 1)}
      </span>
      <span className={styles.userName} title={t("signIn.signedInAs", { user })}>
        {user}
      </span>
      <Tooltip label={t("signIn.signOut")}>
        <ActionIcon aria-label={t("signIn.signOut")} onClick={onSignOut}>
          <LogOut size={15} />
        </ActionIcon>
      </Tooltip>
    </div>
  );
}
