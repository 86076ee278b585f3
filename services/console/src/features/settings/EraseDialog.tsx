import { TextInput } from "@mantine/core";
import type { ErasedData } from "@postern/client";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useTabs } from "../../app/TabsProvider";
import { ConfirmDialog, ConfirmForm } from "../../components/ConfirmDialog";
import { ErrorNote } from "../../components/ErrorNote";
import { useEraseData } from "./useUserData";

interface Props {
  opened: boolean;
  onErased: (data: ErasedData) => void;
  onClose: () => void;
}

/** Deletes everything once a word has been typed, since one click would be too easy a mistake. */
export function EraseDialog({ opened, onErased, onClose }: Props) {
  const { t } = useTranslation();
  return (
    <ConfirmDialog opened={opened} onClose={onClose} title={t("settings.eraseTitle")}>
      <Confirmation onErased={onErased} onClose={onClose} />
    </ConfirmDialog>
  );
}

function Confirmation({ onErased, onClose }: Omit<Props, "opened">) {
  const { t } = useTranslation();
  const tabs = useTabs();
  const erase = useEraseData();
  const [typed, setTyped] = useState("");
  const word = t("settings.eraseWord");
  const confirm = () =>
    erase.mutate(undefined, {
      onSuccess: (data) => {
        tabs.query.clearAll();
        tabs.request.clearAll();
        onErased(data);
      },
    });
  return (
    <ConfirmForm
      text={t("settings.eraseWarning")}
      label={t("settings.erase")}
      ready={typed.trim().toLowerCase() === word}
      pending={erase.isPending}
      onConfirm={confirm}
      onCancel={onClose}
    >
      <TextInput
        label={t("settings.eraseType", { word })}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        data-autofocus
      />
      {erase.error && <ErrorNote error={erase.error} />}
    </ConfirmForm>
  );
}
