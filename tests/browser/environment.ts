/** What a run needs to be told. See README.md. */
export const environment = {
  /** The console's origin; a server must be listening there. */
  url: required("POSTERN_URL"),
  /** A Postgres of a second tenant, as a connection string with its password. */
  tenantDsn: required("POSTERN_TENANT_DSN"),
  chromium: process.env.POSTERN_CHROMIUM ?? "/usr/bin/chromium",
  screenshot: process.env.POSTERN_SCREENSHOT !== undefined,
};

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`${name} is not set; see README.md`);
  return value;
}
