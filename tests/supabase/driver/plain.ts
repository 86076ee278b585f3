/** What a call gave its caller, as JSON: errors with their fields, blobs as text. */
export async function plain(value: unknown): Promise<unknown> {
  if (value instanceof Blob) return { type: value.type, text: await value.text() };
  if (value instanceof Response) return { status: value.status };
  if (value instanceof Error)
    return fields(Object.entries({ ...value, name: value.name, message: value.message }));
  if (Array.isArray(value)) return Promise.all(value.map(plain));
  if (value !== null && typeof value === "object") return fields(Object.entries(value));
  return value;
}

async function fields(entries: [string, unknown][]): Promise<unknown> {
  // The reason phrase is no part of HTTP/2, and the details of a failed fetch are a stack.
  const kept = entries.filter(([name, value]) => name !== "statusText" && !isStack(name, value));
  return Object.fromEntries(
    await Promise.all(kept.map(async ([name, value]) => [name, await plain(value)])),
  );
}

function isStack(name: string, value: unknown): boolean {
  return (
    name === "stack" ||
    (name === "details" && typeof value === "string" && value.includes("\n    at "))
  );
}
