/** The headers of an answer that reach the caller through Postern too. */
const HEADERS = [
  "content-type",
  "content-range",
  "content-profile",
  "location",
  "preference-applied",
  "retry-after",
];

/** One answer as it arrived. Bodies that are not text are in base64. */
export interface Answer {
  method: string;
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** A `fetch` that keeps the answers to what it was used for. */
export function recorder(inner: typeof fetch) {
  let answers: Answer[] = [];
  const recordingFetch: typeof fetch = async (input, init) => {
    const response = await inner(input, init);
    const bytes = Buffer.from(await response.arrayBuffer());
    const method = init?.method ?? (input instanceof Request ? input.method : "GET");
    answers.push({
      method,
      status: response.status,
      headers: picked(response.headers),
      body: shown(bytes),
    });
    const hasBody = ![204, 205, 304].includes(response.status);
    return new Response(hasBody ? bytes : null, {
      status: response.status,
      headers: response.headers,
    });
  };
  const take = () => {
    const taken = answers;
    answers = [];
    return taken;
  };
  return { fetch: recordingFetch, take };
}

function picked(headers: Headers): Record<string, string> {
  const present = HEADERS.filter((name) => headers.has(name));
  return Object.fromEntries(present.map((name) => [name, headers.get(name) ?? ""]));
}

function shown(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  return Buffer.from(text, "utf8").equals(bytes) ? text : bytes.toString("base64");
}
