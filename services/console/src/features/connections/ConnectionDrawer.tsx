import { Drawer, Skeleton } from "@mantine/core";
import type { Connection } from "@postern/client";
import { Unplug } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type FormRoute, navigate } from "../../app/route";
import { EmptyState } from "../../components/EmptyState";
import styles from "./ConnectionDrawer.module.css";
import { ConnectionForm } from "./ConnectionForm";
import { useConnections } from "./useConnections";

const close = () => navigate({ page: "connections", form: null });

/** The form for adding or editing a connection, in a drawer over the list. */
export function ConnectionDrawer({ form }: { form: FormRoute | null }) {
  const { t } = useTranslation();
  const title =
    form?.kind === "edit" ? t("form.editTitle", { name: form.name }) : t("form.addTitle");
  return (
    <Drawer
      opened={form !== null}
      onClose={close}
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
  const toQuery = (name: string) => navigate({ page: "query", connection: name });
  return (
    <ConnectionForm
      connection={connection}
      onSaved={connection === null ? toQuery : close}
      onCancel={close}
      onReload={() => void onReload()}
    />
  );
}
