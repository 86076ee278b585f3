/**
 * The one line that an app changes: supabase-js with Postern's `fetch`, and without a key.
 *
 * POSTERN_CLIENT is the path of the built @postern/client; POSTERN_URL, POSTERN_TOKEN and POSTERN_CONNECTION say whose
 * connection is used.
 */
export async function createFetch(): Promise<typeof fetch> {
  const { createPosternClient, posternFetch } = await import(required("POSTERN_CLIENT"));
  const token = required("POSTERN_TOKEN");
  const postern = createPosternClient({ baseUrl: required("POSTERN_URL"), token: () => token });
  return posternFetch(postern, required("POSTERN_CONNECTION"), { userToken: "session" });
}

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}
