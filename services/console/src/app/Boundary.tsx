import { Button } from "@mantine/core";
import { Bomb } from "lucide-react";
import { Component, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { EmptyState } from "../components/EmptyState";

/** The outermost error boundary: if rendering fails, shows an error page instead of a blank one. */
export class Boundary extends Component<{ children: ReactNode }, { fault: Error | null }> {
  override state: { fault: Error | null } = { fault: null };

  static getDerivedStateFromError(fault: Error) {
    return { fault };
  }

  override render() {
    return this.state.fault ? <Crashed message={this.state.fault.message} /> : this.props.children;
  }
}

function Crashed({ message }: { message: string }) {
  const { t } = useTranslation();
  return (
    <main style={{ height: "100%" }}>
      <EmptyState icon={Bomb} title={t("app.crashed")} text={message}>
        <Button onClick={() => window.location.reload()}>{t("app.reload")}</Button>
      </EmptyState>
    </main>
  );
}
