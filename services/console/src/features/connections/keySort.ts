import { type StoredSecret, SupabaseKeySort } from "@postern/client";
import type { KeySort } from "@postern/client/rules";

const sorts: Partial<Record<SupabaseKeySort, KeySort>> = {
  [SupabaseKeySort.PUBLISHABLE]: "publishable",
  [SupabaseKeySort.SECRET]: "secret",
  [SupabaseKeySort.ANON]: "anon",
  [SupabaseKeySort.SERVICE_ROLE]: "service_role",
};

/** The sort of a stored key; null for a password. */
export function sortOf({ keySort }: StoredSecret): KeySort | null {
  return sorts[keySort] ?? null;
}

/** A stored secret as the form shows it, such as sb_secret_••••3f2a. */
export function maskOf(secret: StoredSecret | null): string {
  const sort = secret && sortOf(secret);
  const prefix = sort === "publishable" || sort === "secret" ? `sb_${sort}_` : "";
  return `${prefix}••••${secret?.lastCharacters || "••••"}`;
}
