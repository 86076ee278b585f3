import { Drawer, Skeleton } from "@mantine/core";
import { Unplug } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type FormPlace, go } from "../../app/place";
import type { Connection } from "../../client";
import { EmptyState } from "../../parts/EmptyState";
import styles from "./ConnectionDrawer.module.css";
import { ConnectionForm } from "./ConnectionForm";
import { useConnections } from "./useConnections";

const close = () => go({ page: "connections", form: null });

/** The form to add or change a connection, over the list it belongs to. */
export function ConnectionDrawer({ place }: { place: FormPlace | null }) {
  const { t } = useTranslation();
  const title =
    place?.kind === "edit" ? t("form.editTitle", { name: place.name }) : t("form.addTitle");
  return (
    <Drawer
      opened={place !== null}
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
      {place && <Contents key={place.kind === "edit" ? place.name : ""} place={place} />}
    </Drawer>
  );
}

function Contents({ place }: { place: FormPlace }) {
  const { t } = useTranslation();
  const list = useConnections();
  const [generation, setGeneration] = useState(0);
  const reload = async () => {
    await list.refetch();
    setGeneration((before) => before + 1);
  };

  if (place.kind === "new") return <Form key={generation} connection={null} onReload={reload} />;
  if (list.data === undefined) return <Skeleton height={320} radius={0} />;
  const connection = list.data.find(({ name }) => name === place.name);
  if (!connection) {
    return <EmptyState icon={Unplug} title={t("connections.gone", { name: place.name })} />;
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
  const toQuery = (name: string) => go({ page: "query", connection: name });
  return (
    <ConnectionForm
      connection={connection}
      onSaved={connection === null ? toQuery : close}
      onCancel={close}
      onReload={() => void onReload()}
    />
  );
}
