/** The environment variables of a run. See README.md. Those of `deployed/` are required at once, the others when used. */
export const environment = {
  /** The console's origin; a server must be listening there. */
  url: required("POSTERN_URL"),
  /** Connection string, with password, of a second tenant's Postgres. */
  tenantDsn: required("POSTERN_TENANT_DSN"),
  /** A Supabase project with the shop of the testkit in it. */
  get project() {
    return {
      url: required("POSTERN_PROJECT_URL"),
      /** The authority of the project's certificate, as a PEM file. */
      ca: required("POSTERN_PROJECT_CA"),
      publishableKey: required("POSTERN_PROJECT_PUBLISHABLE_KEY"),
      secretKey: required("POSTERN_PROJECT_SECRET_KEY"),
      anonKey: required("POSTERN_PROJECT_ANON_KEY"),
      serviceRoleKey: required("POSTERN_PROJECT_SERVICE_ROLE_KEY"),
    };
  },
  /** The console of a Postern with an OpenID provider, and the provider's controls; the same for Supabase Auth. */
  get oidcUrl() {
    return required("POSTERN_OIDC_URL");
  },
  get oidcControl() {
    return required("POSTERN_OIDC_CONTROL");
  },
  get supabaseUrl() {
    return required("POSTERN_SUPABASE_URL");
  },
  get supabaseControl() {
    return required("POSTERN_SUPABASE_CONTROL");
  },
  /** The `postern` command, and its configuration for each of the two Posterns above. */
  get operator() {
    return {
      command: required("POSTERN_COMMAND"),
      oidcConfig: required("POSTERN_OIDC_CONFIG"),
      supabaseConfig: required("POSTERN_SUPABASE_CONFIG"),
    };
  },
  chromium: process.env.POSTERN_CHROMIUM ?? "/usr/bin/chromium",
  screenshot: process.env.POSTERN_SCREENSHOT !== undefined,
};

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`${name} is not set; see README.md`);
  return value;
}
