import { useMemo, useSyncExternalStore } from "react";

/** A page of the console. The URL's query string holds all of it, so reloads and links restore it. */
export type Route =
  | { page: "query"; connection: string | null }
  | { page: "connections"; form: FormRoute | null };

export type FormRoute = { kind: "new" } | { kind: "edit"; name: string };

export function parseRoute(search: string): Route {
  const parameters = new URLSearchParams(search);
  const connection = parameters.get("connection");
  if (parameters.get("page") !== "connections") return { page: "query", connection };
  return { page: "connections", form: formOf(parameters.get("form"), connection) };
}

function formOf(form: string | null, connection: string | null): FormRoute | null {
  if (form === "new") return { kind: "new" };
  if (form === "edit" && connection !== null) return { kind: "edit", name: connection };
  return null;
}

export function hrefOf(route: Route): string {
  const parameters = new URLSearchParams({ page: route.page });
  if (route.page === "query") {
    if (route.connection !== null) parameters.set("connection", route.connection);
  } else if (route.form) {
    parameters.set("form", route.form.kind);
    if (route.form.kind === "edit") parameters.set("connection", route.form.name);
  }
  return `?${parameters}`;
}

const NAVIGATED = "postern:navigated";

export function navigate(route: Route, { replace = false } = {}): void {
  const href = hrefOf(route);
  if (href !== window.location.search) {
    window.history[replace ? "replaceState" : "pushState"](null, "", href);
  }
  window.dispatchEvent(new Event(NAVIGATED));
}

export function useRoute(): Route {
  const search = useSyncExternalStore(subscribe, () => window.location.search);
  return useMemo(() => parseRoute(search), [search]);
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("popstate", listener);
  window.addEventListener(NAVIGATED, listener);
  return () => {
    window.removeEventListener("popstate", listener);
    window.removeEventListener(NAVIGATED, listener);
  };
}
