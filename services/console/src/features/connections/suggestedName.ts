import { isConnectionName } from "@postern/client/rules";

/** A connection's name made from another name, such as a database's; empty if nothing is left of it. */
export function suggestedName(source: string): string {
  const name = source
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, 63)
    .replace(/-+$/, "");
  return isConnectionName(name) ? name : "";
}
