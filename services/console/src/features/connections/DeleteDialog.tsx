import { Button, Modal } from "@mantine/core";
import type { Connection } from "@postern/client";
import { useTranslation } from "react-i18next";
import { useTabs } from "../../app/TabsProvider";
import { ErrorNote } from "../../components/ErrorNote";
import styles from "./DeleteDialog.module.css";
import { useDeleteConnection } from "./useConnections";

interface Props {
  /** The connection to delete; null while the dialog is closed. */
  connection: Connection | null;
  onClose: () => void;
}

export function DeleteDialog({ connection, onClose }: Props) {
  const { t } = useTranslation();
  return (
    <Modal
      opened={connection !== null}
      onClose={onClose}
      title={t("delete.title", { name: connection?.name })}
      classNames={{ title: styles.title ?? "" }}
      closeButtonProps={{ "aria-label": t("app.close") }}
    >
      {connection && <Confirmation connection={connection} onClose={onClose} />}
    </Modal>
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
    <div className={styles.stack}>
      <p className={styles.text}>{t("delete.text")}</p>
      {remove.error && <ErrorNote error={remove.error} />}
      <div className={styles.buttons}>
        <Button variant="default" onClick={onClose} data-autofocus>
          {t("app.cancel")}
        </Button>
        <Button
          variant="default"
          className={styles.confirm}
          onClick={confirm}
          loading={remove.isPending}
        >
          {t("delete.confirm")}
        </Button>
      </div>
    </div>
  );
}
