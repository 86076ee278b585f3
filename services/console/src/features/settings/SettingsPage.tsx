import { useTranslation } from "react-i18next";
import { Page } from "../../components/Page";
import { UserDataSection } from "./UserDataSection";

export function SettingsPage() {
  const { t } = useTranslation();
  return (
    <Page title={t("settings.title")}>
      <UserDataSection />
    </Page>
  );
}
