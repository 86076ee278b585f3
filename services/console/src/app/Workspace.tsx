import { Button } from "@mantine/core";
import { Plus, Unplug } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { EmptyState } from "../components/EmptyState";
import { ErrorNote } from "../components/ErrorNote";
import { ConnectionsPage } from "../features/connections/ConnectionsPage";
import { useConnections } from "../features/connections/useConnections";
import { QueryPage } from "../features/query/QueryPage";
import { navigate, type Route, useRoute } from "./route";
import { Sidebar } from "./Sidebar";
import styles from "./Workspace.module.css";

interface Props {
  user: string;
  onSignOut: () => void;
}

export function Workspace({ user, onSignOut }: Props) {
  const { t } = useTranslation();
  const route = useRoute();
  useTitle(route);
  return (
    <div className={styles.workspace}>
      <a href="#content" className={styles.skip}>
        {t("app.skip")}
      </a>
      <Sidebar route={route} user={user} onSignOut={onSignOut} />
      <main id="content" className={styles.main} tabIndex={-1}>
        <Page route={route} />
      </main>
    </div>
  );
}

function Page({ route }: { route: Route }) {
  if (route.page === "connections") return <ConnectionsPage form={route.form} />;
  if (route.connection === null) return <NoConnectionSelected />;
  return <QueryPage key={route.connection} connection={route.connection} />;
}

/** The URL names no connection: opens the first one, or offers to add one if there is none. */
function NoConnectionSelected() {
  const { t } = useTranslation();
  const list = useConnections();
  const first = list.data?.[0]?.name;
  useEffect(() => {
    if (first !== undefined) navigate({ page: "query", connection: first }, { replace: true });
  }, [first]);
  if (list.error && list.data === undefined) {
    return (
      <div style={{ padding: "var(--pt-space-5)" }}>
        <ErrorNote error={list.error}>
          <Button variant="default" size="compact-xs" onClick={() => void list.refetch()}>
            {t("app.retry")}
          </Button>
        </ErrorNote>
      </div>
    );
  }
  if (list.data === undefined || first !== undefined) return null;
  return (
    <EmptyState icon={Unplug} title={t("connections.emptyTitle")} text={t("connections.emptyText")}>
      <Button
        leftSection={<Plus size={15} />}
        onClick={() => navigate({ page: "connections", form: { kind: "new" } })}
      >
        {t("connections.add")}
      </Button>
    </EmptyState>
  );
}

function useTitle(route: Route): void {
  const { t } = useTranslation();
  const connection = route.page === "query" ? route.connection : t("connections.title");
  useEffect(() => {
    document.title = connection === null ? "Postern" : `${connection} · Postern`;
  }, [connection]);
}
