import { ActionIcon, Skeleton, Tooltip } from "@mantine/core";
import type { Connection } from "@postern/client";
import { Link, useNavigate } from "@tanstack/react-router";
import { LogOut, Plus, Settings } from "lucide-react";
import { useTranslation } from "react-i18next";
import { factsOf } from "../features/connections/facts";
import { kindIcons } from "../features/connections/KindIcon";
import { tenantLink } from "../features/connections/tenantLink";
import { useConnections } from "../features/connections/useConnections";
import { Logo } from "../theme";
import { Preferences } from "./Preferences";
import styles from "./Sidebar.module.css";

interface Props {
  user: string;
  onSignOut: () => void;
}

export function Sidebar({ user, onSignOut }: Props) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const add = () => void navigate({ to: "/connections/new" });
  return (
    <nav aria-label={t("app.navigation")} className={styles.sidebar}>
      <div className={styles.brand}>
        <Logo />
        Postern
      </div>
      <div className={styles.section}>
        <Link to="/connections" className={styles.heading}>
          {t("connections.title")}
        </Link>
        <Tooltip label={t("connections.add")}>
          <ActionIcon size={24} aria-label={t("connections.add")} onClick={add}>
            <Plus size={15} />
          </ActionIcon>
        </Tooltip>
      </div>
      <ConnectionLinks />
      <div className={styles.foot}>
        <Preferences />
        <User user={user} onSignOut={onSignOut} />
      </div>
    </nav>
  );
}

function ConnectionLinks() {
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
          <ConnectionLink connection={connection} />
        </li>
      ))}
    </ul>
  );
}

function ConnectionLink({ connection }: { connection: Connection }) {
  const { name } = connection;
  const { kind, endpoint } = factsOf(connection);
  const Icon = kindIcons[kind];
  return (
    <Link {...tenantLink(connection)} className={styles.item}>
      <Icon size={15} strokeWidth={1.75} className={styles.icon} aria-hidden="true" />
      <span className={styles.name}>{name}</span>
      <span className={styles.endpoint}>{endpoint}</span>
    </Link>
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
      <Tooltip label={t("settings.title")}>
        <ActionIcon
          component={Link}
          to="/settings"
          className={styles.tool}
          aria-label={t("settings.title")}
        >
          <Settings size={15} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={t("signIn.signOut")}>
        <ActionIcon aria-label={t("signIn.signOut")} onClick={onSignOut}>
          <LogOut size={15} />
        </ActionIcon>
      </Tooltip>
    </div>
  );
}
