import type { Connection } from "@postern/client";
import { linkOptions, useNavigate } from "@tanstack/react-router";
import { factsOf } from "./facts";

/** The link to a connection's own page, by its kind. */
export function tenantLink(connection: Connection) {
  const params = { name: connection.name };
  return factsOf(connection).kind === "supabase"
    ? linkOptions({ to: "/request/$name", params })
    : linkOptions({ to: "/query/$name", params });
}

export function useOpenTenant(): (connection: Connection) => void {
  const navigate = useNavigate();
  return (connection) => void navigate(tenantLink(connection));
}
