import { Button, Skeleton } from "@mantine/core";
import type { Connection } from "@postern/client";
import { useNavigate } from "@tanstack/react-router";
import { Database, Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { TenantKind } from "../../app/search";
import { EmptyState } from "../../components/EmptyState";
import { ErrorNote } from "../../components/ErrorNote";
import { Page } from "../../components/Page";
import { ConnectionDrawer } from "./ConnectionDrawer";
import styles from "./ConnectionsPage.module.css";
import { ConnectionsTable } from "./ConnectionsTable";
import { DeleteDialog } from "./DeleteDialog";
import { useConnections } from "./useConnections";

/** The form that the URL opens over the list. */
export type FormRoute = { kind: "new"; tenant: TenantKind } | { kind: "edit"; name: string };

/** Lists the user's connections, with actions to query, edit and delete each. */
export function ConnectionsPage({ form }: { form: FormRoute | null }) {
  const { t } = useTranslation();
  const [deleting, setDeleting] = useState<Connection | null>(null);
  const list = useConnections();
  const add = useAdd();
  return (
    <Page
      title={t("connections.title")}
      beside={
        <>
          <span className={styles.count}>
            {list.data &&
              list.data.length > 0 &&
              t("connections.count", { count: list.data.length })}
          </span>
          <Button leftSection={<Plus size={15} />} onClick={add}>
            {t("connections.add")}
          </Button>
        </>
      }
    >
      <List list={list} onDelete={setDeleting} />
      <ConnectionDrawer form={form} />
      <DeleteDialog connection={deleting} onClose={() => setDeleting(null)} />
    </Page>
  );
}

interface ListProps {
  list: ReturnType<typeof useConnections>;
  onDelete: (connection: Connection) => void;
}

function List({ list, onDelete }: ListProps) {
  const { t } = useTranslation();
  const add = useAdd();
  if (list.data === undefined && list.error) {
    return (
      <div className={styles.pad}>
        <ErrorNote error={list.error}>
          <Button variant="default" size="compact-xs" onClick={() => void list.refetch()}>
            {t("app.retry")}
          </Button>
        </ErrorNote>
      </div>
    );
  }
  if (list.data === undefined) return <Loading />;
  if (list.data.length > 0) return <ConnectionsTable connections={list.data} onDelete={onDelete} />;
  return (
    <EmptyState
      icon={Database}
      title={t("connections.emptyTitle")}
      text={t("connections.emptyText")}
    >
      <Button variant="default" leftSection={<Plus size={15} />} onClick={add}>
        {t("connections.add")}
      </Button>
    </EmptyState>
  );
}

function useAdd() {
  const navigate = useNavigate();
  return () => void navigate({ to: "/connections/new" });
}

function Loading() {
  const { t } = useTranslation();
  return (
    <div
      className={`${styles.pad} ${styles.skeletons}`}
      role="status"
      aria-label={t("connections.loading")}
    >
      <Skeleton height={28} />
      <Skeleton height={28} />
      <Skeleton height={28} />
    </div>
  );
}
