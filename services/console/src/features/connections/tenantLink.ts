import type { Connection } from "@postern/client";
import { linkOptions, useNavigate } from "@tanstack/react-router";

/** The link to a connection's own page, by its kind. */
export function tenantLink(connection: Connection) {
  const params = { name: connection.name };
  return linkOptions({ to: "/query/$name", params });
}

export function useOpenTenant(): (connection: Connection) => void {
  const navigate = useNavigate();
  return (connection) => void navigate(tenantLink(connection));
}
