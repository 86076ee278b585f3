/** The environment variables of a run. See README.md. */
export const environment = {
  /** The console's origin; a server must be listening there. */
  url: required("POSTERN_URL"),
  /** Connection string, with password, of a second tenant's Postgres. */
  tenantDsn: required("POSTERN_TENANT_DSN"),
  /** The console of a Postern with an OpenID provider, and the provider's controls; the same for Supabase Auth. */
  oidcUrl: required("POSTERN_OIDC_URL"),
  oidcControl: required("POSTERN_OIDC_CONTROL"),
  supabaseUrl: required("POSTERN_SUPABASE_URL"),
  supabaseControl: required("POSTERN_SUPABASE_CONTROL"),
  chromium: process.env.POSTERN_CHROMIUM ?? "/usr/bin/chromium",
  screenshot: process.env.POSTERN_SCREENSHOT !== undefined,
};

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`${name} is not set; see README.md`);
  return value;
}
