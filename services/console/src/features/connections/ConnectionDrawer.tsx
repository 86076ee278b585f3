import { Drawer, Skeleton } from "@mantine/core";
import type { Connection } from "@postern/client";
import { useNavigate } from "@tanstack/react-router";
import { Unplug } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { TenantKind } from "../../app/search";
import { EmptyState } from "../../components/EmptyState";
import styles from "./ConnectionDrawer.module.css";
import { ConnectionForm } from "./ConnectionForm";
import type { FormRoute } from "./ConnectionsPage";
import { factsOf } from "./facts";
import { useOpenTenant } from "./tenantLink";
import { useConnections } from "./useConnections";

/** The form for adding or editing a connection, in a drawer over the list. */
export function ConnectionDrawer({ form }: { form: FormRoute | null }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const title =
    form?.kind === "edit" ? t("form.editTitle", { name: form.name }) : t("form.addTitle");
  return (
    <Drawer
      opened={form !== null}
      onClose={() => void navigate({ to: "/connections" })}
      position="right"
      size={480}
      title={title}
      classNames={{
        content: styles.content ?? "",
        header: styles.header ?? "",
        title: styles.title ?? "",
        body: styles.body ?? "",
      }}
      closeButtonProps={{ "aria-label": t("app.close") }}
    >
      {form && <Contents key={form.kind === "edit" ? form.name : ""} form={form} />}
    </Drawer>
  );
}

function Contents({ form }: { form: FormRoute }) {
  const { t } = useTranslation();
  const list = useConnections();
  const [generation, setGeneration] = useState(0);
  const reload = async () => {
    await list.refetch();
    setGeneration((before) => before + 1);
  };

  if (form.kind === "new") {
    return <Form key={generation} connection={null} kind={form.tenant} onReload={reload} />;
  }
  if (list.data === undefined) return <Skeleton height={320} radius={0} />;
  const connection = list.data.find(({ name }) => name === form.name);
  if (!connection) {
    return <EmptyState icon={Unplug} title={t("connections.gone", { name: form.name })} />;
  }
  const { kind } = factsOf(connection);
  return <Form key={generation} connection={connection} kind={kind} onReload={reload} />;
}

interface FormProps {
  connection: Connection | null;
  kind: TenantKind;
  onReload: () => Promise<void>;
}

function Form({ connection, kind, onReload }: FormProps) {
  const navigate = useNavigate();
  const openTenant = useOpenTenant();
  const close = () => void navigate({ to: "/connections" });
  return (
    <ConnectionForm
      connection={connection}
      kind={kind}
      onKind={(kind) => void navigate({ to: "/connections/new", search: { kind }, replace: true })}
      onSaved={connection === null ? openTenant : close}
      onCancel={close}
      onReload={() => void onReload()}
    />
  );
}
