const DASHBOARD = "https://supabase.com/dashboard/project";

/** Where the dashboard shows a project's values. Without a ref it asks for the project first ("_"). */
export function dashboardLink(ref: string | null, page: "url" | "publishable" | "secret"): string {
  const settings = page === "url" ? "settings/api" : "settings/api-keys";
  return `${DASHBOARD}/${ref ?? "_"}/${settings}`;
}
