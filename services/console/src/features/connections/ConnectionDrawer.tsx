import { Drawer, Skeleton } from "@mantine/core";
import type { Connection } from "@postern/client";
import { useNavigate } from "@tanstack/react-router";
import { Unplug } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { EmptyState } from "../../components/EmptyState";
import styles from "./ConnectionDrawer.module.css";
import { ConnectionForm } from "./ConnectionForm";
import type { FormRoute } from "./ConnectionsPage";
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

  if (form.kind === "new") return <Form key={generation} connection={null} onReload={reload} />;
  if (list.data === undefined) return <Skeleton height={320} radius={0} />;
  const connection = list.data.find(({ name }) => name === form.name);
  if (!connection) {
    return <EmptyState icon={Unplug} title={t("connections.gone", { name: form.name })} />;
  }
  return <Form key={generation} connection={connection} onReload={reload} />;
}

function Form({
  connection,
  onReload,
}: {
  connection: Connection | null;
  onReload: () => Promise<void>;
}) {
  const navigate = useNavigate();
  const close = () => void navigate({ to: "/connections" });
  const toQuery = (name: string) => void navigate({ to: "/query/$name", params: { name } });
  return (
    <ConnectionForm
      connection={connection}
      onSaved={connection === null ? toQuery : close}
      onCancel={close}
      onReload={() => void onReload()}
    />
  );
}
