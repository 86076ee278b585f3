import { VisuallyHidden } from "@mantine/core";
import { Database, Zap } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { TenantKind } from "../../app/search";

export const kindIcons = { supabase: Zap, postgres: Database } as const;

/** The kind of a connection, as an icon with a name for screen readers. */
export function KindIcon({ kind, className = "" }: { kind: TenantKind; className?: string }) {
  const { t } = useTranslation();
  const Icon = kindIcons[kind];
  const name = t(`connections.kind.${kind}`);
  return (
    <span className={className} title={name}>
      <Icon size={15} strokeWidth={1.75} aria-hidden="true" />
      <VisuallyHidden>{name}</VisuallyHidden>
    </span>
  );
}
