export { parseHost, parsePort } from "./address.js";
export { isConnectionName } from "./connectionName.js";
export { type Dsn, type DsnError, looksLikeDsn, POSTGRES_PORT, parseDsn } from "./dsn.js";
export type { Parsed } from "./parsed.js";
export { type Paste, recognisePaste } from "./paste.js";
export { type ProjectUrl, type ProjectUrlError, parseProjectUrl } from "./projectUrl.js";
export {
  bypassesRls,
  type KeyContext,
  type KeyError,
  type KeyField,
  type KeySort,
  parseKey,
  recogniseKey,
  type SupabaseKey,
} from "./supabaseKey.js";
