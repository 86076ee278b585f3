/** The two kinds of tenants, as the URL and the form name them. */
export const tenantKinds = ["supabase", "postgres"] as const;
export type TenantKind = (typeof tenantKinds)[number];

type Search = Record<string, unknown>;

/** The kind of connection that is added, from a query string; other values are dropped. */
export function tenantKindOf({ kind }: Search): { kind?: TenantKind } {
  const known = tenantKinds.find((each) => each === kind);
  return known === undefined ? {} : { kind: known };
}

/** A route of the time when the query string held all of it: ?page=connections&form=edit&connection=shop. */
export interface OldRoute {
  page?: "connections" | "query";
  form?: "new" | "edit";
  connection?: string;
}

export function oldRouteOf({ page, form, connection }: Search): OldRoute {
  return {
    ...(page === "connections" || page === "query" ? { page } : {}),
    ...(form === "new" || form === "edit" ? { form } : {}),
    ...(typeof connection === "string" ? { connection } : {}),
  };
}
