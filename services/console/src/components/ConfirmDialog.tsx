import { Button, Modal } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import styles from "./ConfirmDialog.module.css";

interface Props {
  opened: boolean;
  title: string;
  onClose: () => void;
  children: ReactNode;
}

/** Asks before something is deleted. `ConfirmForm` is its content. */
export function ConfirmDialog({ opened, title, onClose, children }: Props) {
  const { t } = useTranslation();
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={title}
      classNames={{ title: styles.title ?? "" }}
      closeButtonProps={{ "aria-label": t("app.close") }}
    >
      {children}
    </Modal>
  );
}

interface FormProps {
  text: string;
  /** The label of the button that deletes. */
  label: string;
  /** Whether it may be used. */
  ready?: boolean;
  pending: boolean;
  onConfirm: () => void;
  onCancel: () => void;
  children?: ReactNode;
}

/** What will be deleted, and the buttons. */
export function ConfirmForm(props: FormProps) {
  const { t } = useTranslation();
  const { text, label, ready = true, pending, onConfirm, onCancel, children } = props;
  return (
    <form
      className={styles.stack}
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) onConfirm();
      }}
    >
      <p className={styles.text}>{text}</p>
      {children}
      <div className={styles.buttons}>
        <Button variant="default" onClick={onCancel} data-autofocus={!children}>
          {t("app.cancel")}
        </Button>
        <Button
          type="submit"
          variant="default"
          className={styles.confirm}
          disabled={!ready}
          loading={pending}
        >
          {label}
        </Button>
      </div>
    </form>
  );
}
