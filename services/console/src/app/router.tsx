import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  Outlet,
  redirect,
  useMatch,
} from "@tanstack/react-router";
import { Compass } from "lucide-react";
import { useTranslation } from "react-i18next";
import { EmptyState } from "../components/EmptyState";
import { ConnectionsPage, type FormRoute } from "../features/connections/ConnectionsPage";
import { HomePage } from "../features/connections/HomePage";
import { QueryPage } from "../features/query/QueryPage";
import { RequestPage } from "../features/request/RequestPage";
import { SettingsPage } from "../features/settings/SettingsPage";
import { type OldRoute, oldRouteOf, requestSearchOf, tenantKindOf } from "./search";
import { TenantPage } from "./TenantPage";
import { Workspace } from "./Workspace";

interface RouterContext {
  user: string;
  onSignOut: () => void;
}

const root = createRootRouteWithContext<RouterContext>()({
  component: function Root() {
    const { user, onSignOut } = root.useRouteContext();
    return (
      <Workspace user={user} onSignOut={onSignOut}>
        <Outlet />
      </Workspace>
    );
  },
  notFoundComponent: function NotFound() {
    const { t } = useTranslation();
    return <EmptyState icon={Compass} title={t("app.noSuchPage")} />;
  },
});

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  validateSearch: oldRouteOf,
  beforeLoad: ({ search }) => redirectFromOld(search),
  component: HomePage,
});

/** Until version 0.1 the whole route was in the query string; links to those pages keep working. */
function redirectFromOld({ page, form, connection }: OldRoute): void {
  if (page === "query" && connection !== undefined) {
    throw redirect({ to: "/query/$name", params: { name: connection }, replace: true });
  }
  if (page !== "connections") return;
  if (form === "new") throw redirect({ to: "/connections/new", replace: true });
  if (form === "edit" && connection !== undefined) {
    throw redirect({ to: "/connections/$name/edit", params: { name: connection }, replace: true });
  }
  throw redirect({ to: "/connections", replace: true });
}

/** The list stays mounted under the form, which is a drawer over it. */
const connections = createRoute({
  getParentRoute: () => root,
  path: "/connections",
  component: function Connections() {
    return <ConnectionsPage form={useFormRoute()} />;
  },
});

function useFormRoute(): FormRoute | null {
  const adding = useMatch({ from: "/connections/new", shouldThrow: false });
  const editing = useMatch({ from: "/connections/$name/edit", shouldThrow: false });
  if (adding) return { kind: "new", tenant: adding.search.kind ?? "supabase" };
  return editing ? { kind: "edit", name: editing.params.name } : null;
}

const connectionList = createRoute({ getParentRoute: () => connections, path: "/" });

const newConnection = createRoute({
  getParentRoute: () => connections,
  path: "/new",
  validateSearch: tenantKindOf,
});

const connection = createRoute({
  getParentRoute: () => connections,
  path: "/$name",
  beforeLoad: ({ params }) => {
    throw redirect({ to: "/connections/$name/edit", params, replace: true });
  },
});

const editConnection = createRoute({ getParentRoute: () => connections, path: "/$name/edit" });

const query = createRoute({
  getParentRoute: () => root,
  path: "/query/$name",
  component: function Query() {
    const { name } = query.useParams();
    return (
      <TenantPage connection={name} kind="postgres">
        <QueryPage key={name} connection={name} />
      </TenantPage>
    );
  },
});

const request = createRoute({
  getParentRoute: () => root,
  path: "/request/$name",
  validateSearch: requestSearchOf,
  component: function Request() {
    const { name } = request.useParams();
    return (
      <TenantPage connection={name} kind="supabase">
        <RequestPage key={name} connection={name} search={request.useSearch()} />
      </TenantPage>
    );
  },
});

const settings = createRoute({
  getParentRoute: () => root,
  path: "/settings",
  component: SettingsPage,
});

const routeTree = root.addChildren([
  home,
  connections.addChildren([connectionList, newConnection, connection, editConnection]),
  query,
  request,
  settings,
]);

export function makeRouter(context: RouterContext) {
  return createRouter({ routeTree, context });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
