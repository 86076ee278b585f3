import { useMemo, useSyncExternalStore } from "react";

/** Where in the console one is. The address holds all of it, so that a reload or a link leads back. */
export type Place =
  | { page: "query"; connection: string | null }
  | { page: "connections"; form: FormPlace | null };

export type FormPlace = { kind: "new" } | { kind: "edit"; name: string };

export function placeOf(search: string): Place {
  const parameters = new URLSearchParams(search);
  const connection = parameters.get("connection");
  if (parameters.get("page") !== "connections") return { page: "query", connection };
  return { page: "connections", form: formOf(parameters.get("form"), connection) };
}

function formOf(form: string | null, connection: string | null): FormPlace | null {
  if (form === "new") return { kind: "new" };
  if (form === "edit" && connection !== null) return { kind: "edit", name: connection };
  return null;
}

export function addressOf(place: Place): string {
  const parameters = new URLSearchParams({ page: place.page });
  if (place.page === "query") {
    if (place.connection !== null) parameters.set("connection", place.connection);
  } else if (place.form) {
    parameters.set("form", place.form.kind);
    if (place.form.kind === "edit") parameters.set("connection", place.form.name);
  }
  return `?${parameters}`;
}

const CHANGED = "postern:place";

export function go(place: Place, { replace = false } = {}): void {
  const address = addressOf(place);
  if (address !== window.location.search) {
    window.history[replace ? "replaceState" : "pushState"](null, "", address);
  }
  window.dispatchEvent(new Event(CHANGED));
}

export function usePlace(): Place {
  const search = useSyncExternalStore(subscribe, () => window.location.search);
  return useMemo(() => placeOf(search), [search]);
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("popstate", listener);
  window.addEventListener(CHANGED, listener);
  return () => {
    window.removeEventListener("popstate", listener);
    window.removeEventListener(CHANGED, listener);
  };
}
