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

/** What the request page shows, for reloads and links. Filter values and bodies are data of the tenant: not in URLs. */
export interface RequestSearch {
  target?: "table" | "rpc";
  of?: string;
  select?: string;
  order?: string;
  limit?: number;
  view?: "grid" | "json";
}

export function requestSearchOf(search: Search): RequestSearch {
  const { target, of, select, order, limit, view } = search;
  return {
    ...(target === "table" || target === "rpc" ? { target } : {}),
    ...(typeof of === "string" ? { of } : {}),
    ...(typeof select === "string" ? { select } : {}),
    ...(typeof order === "string" ? { order } : {}),
    ...(typeof limit === "number" && Number.isSafeInteger(limit) && limit > 0 ? { limit } : {}),
    ...(view === "grid" || view === "json" ? { view } : {}),
  };
}
