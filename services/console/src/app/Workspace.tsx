import { Button } from "@mantine/core";
import { Plus, Unplug } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { ConnectionsPage } from "../features/connections/ConnectionsPage";
import { useConnections } from "../features/connections/useConnections";
import { QueryPage } from "../features/query/QueryPage";
import { EmptyState } from "../parts/EmptyState";
import { ErrorNote } from "../parts/ErrorNote";
import { go, type Place, usePlace } from "./place";
import { Sidebar } from "./Sidebar";
import styles from "./Workspace.module.css";

interface Props {
  user: string;
  onSignOut: () => void;
}

export function Workspace({ user, onSignOut }: Props) {
  const { t } = useTranslation();
  const place = usePlace();
  useTitle(place);
  return (
    <div className={styles.workspace}>
      <a href="#content" className={styles.skip}>
        {t("app.skip")}
      </a>
      <Sidebar place={place} user={user} onSignOut={onSignOut} />
      <main id="content" className={styles.main} tabIndex={-1}>
        <Page place={place} />
      </main>
    </div>
  );
}

function Page({ place }: { place: Place }) {
  if (place.page === "connections") return <ConnectionsPage form={place.form} />;
  if (place.connection === null) return <NoneChosen />;
  return <QueryPage key={place.connection} connection={place.connection} />;
}

/** With no connection in the address, the first one is as good as any; without any, one is to be added. */
function NoneChosen() {
  const { t } = useTranslation();
  const list = useConnections();
  const first = list.data?.[0]?.name;
  useEffect(() => {
    if (first !== undefined) go({ page: "query", connection: first }, { replace: true });
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
        onClick={() => go({ page: "connections", form: { kind: "new" } })}
      >
        {t("connections.add")}
      </Button>
    </EmptyState>
  );
}

function useTitle(place: Place): void {
  const { t } = useTranslation();
  const connection = place.page === "query" ? place.connection : t("connections.title");
  useEffect(() => {
    document.title = connection === null ? "Postern" : `${connection} · Postern`;
  }, [connection]);
}
