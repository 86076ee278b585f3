import { Button } from "@mantine/core";
import { Navigate, useNavigate } from "@tanstack/react-router";
import { Plus, Unplug } from "lucide-react";
import { useTranslation } from "react-i18next";
import { EmptyState } from "../../components/EmptyState";
import { ErrorNote } from "../../components/ErrorNote";
import { tenantLink } from "./tenantLink";
import { useConnections } from "./useConnections";

/** Opens the first connection, or offers to add one if there is none. */
export function HomePage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const list = useConnections();
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
  if (list.data === undefined) return null;
  const first = list.data[0];
  if (first) return <Navigate {...tenantLink(first)} replace />;
  return (
    <EmptyState icon={Unplug} title={t("connections.emptyTitle")} text={t("connections.emptyText")}>
      <Button
        leftSection={<Plus size={15} />}
        onClick={() => void navigate({ to: "/connections/new" })}
      >
        {t("connections.add")}
      </Button>
    </EmptyState>
  );
}
