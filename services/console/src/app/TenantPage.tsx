import { Navigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { factsOf } from "../features/connections/facts";
import { tenantLink } from "../features/connections/tenantLink";
import { useConnections } from "../features/connections/useConnections";
import type { TenantKind } from "./search";

interface Props {
  connection: string;
  kind: TenantKind;
  children: ReactNode;
}

/** A page for one kind of tenant. A connection of the other kind has its own page, which opens instead. */
export function TenantPage({ connection, kind, children }: Props) {
  const list = useConnections();
  const known = list.data?.find(({ name }) => name === connection);
  if (known && factsOf(known).kind !== kind) return <Navigate {...tenantLink(known)} replace />;
  return children;
}
