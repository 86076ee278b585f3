/**
 * Runs a table of supabase-js calls against a project and prints a line of JSON for each.
 *
 * Environment: SUPABASE_URL, SUPABASE_KEY, SUPABASE_GROUPS (comma-separated groups of the table), SUPABASE_SCHEMA if the
 * clients are to have another than `public`, and, where the calls are to take another way than `fetch`, SUPABASE_FETCH:
 * the path of a module that exports `createFetch(): typeof fetch | Promise<typeof fetch>`.
 */
import { pathToFileURL } from "node:url";
import { createClient } from "@supabase/supabase-js";
import { cases } from "./cases.ts";
import { plain } from "./plain.ts";
import { recorder } from "./recorder.ts";

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

async function chosenFetch(): Promise<typeof fetch> {
  const path = process.env.SUPABASE_FETCH;
  if (path === undefined) return fetch;
  const module = await import(pathToFileURL(path).href);
  return module.createFetch();
}

const [url, key] = [setting("SUPABASE_URL"), setting("SUPABASE_KEY")];
const groups = setting("SUPABASE_GROUPS").split(",");
const recording = recorder(await chosenFetch());
const options = {
  global: { fetch: recording.fetch },
  ...(process.env.SUPABASE_SCHEMA === undefined
    ? {}
    : { db: { schema: process.env.SUPABASE_SCHEMA } }),
  auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
};

for (const { group, name, call } of cases) {
  if (!groups.includes(group)) continue;
  // A client for each call: none inherits the session of another.
  const client = createClient(url, key, options);
  const result = await call({ client, url, key, fetch: recording.fetch }).catch((error) => ({
    threw: error,
  }));
  const line = { group, name, answers: recording.take(), result: await plain(result) };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
process.exit(0);
