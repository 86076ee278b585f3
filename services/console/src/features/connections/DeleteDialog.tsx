import type { Connection } from "@postern/client";
import { useTranslation } from "react-i18next";
import { useTabs } from "../../app/TabsProvider";
import { ConfirmDialog, ConfirmForm } from "../../components/ConfirmDialog";
import { ErrorNote } from "../../components/ErrorNote";
import { useDeleteConnection } from "./useConnections";

interface Props {
  /** The connection to delete; null while the dialog is closed. */
  connection: Connection | null;
  onClose: () => void;
}

export function DeleteDialog({ connection, onClose }: Props) {
  const { t } = useTranslation();
  return (
    <ConfirmDialog
      opened={connection !== null}
      onClose={onClose}
      title={t("delete.title", { name: connection?.name })}
    >
      {connection && <Confirmation connection={connection} onClose={onClose} />}
    </ConfirmDialog>
  );
}

function Confirmation({ connection, onClose }: { connection: Connection; onClose: () => void }) {
  const { t } = useTranslation();
  const tabs = useTabs();
  const remove = useDeleteConnection();
  const confirm = () =>
    remove.mutate(connection, {
      onSuccess: () => {
        tabs.query.clear(connection.name);
        tabs.request.clear(connection.name);
        onClose();
      },
    });
  return (
    <ConfirmForm
      text={t("delete.text")}
      label={t("delete.confirm")}
      pending={remove.isPending}
      onConfirm={confirm}
      onCancel={onClose}
    >
      {remove.error && <ErrorNote error={remove.error} />}
    </ConfirmForm>
  );
}
