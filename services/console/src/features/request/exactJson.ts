/** A number that JavaScript would round: it is kept as it was written. */
export class ExactNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** Parses JSON, keeping every number exact. Throws SyntaxError. */
export function parseExact(json: string): unknown {
  // First as it is: marking tokens could make JSON of what is none.
  JSON.parse(json);
  const mark = unusedMark(json);
  const marked = json.replace(TOKEN, (token) =>
    token.startsWith('"') || String(Number(token)) === token ? token : `"${mark}${token}"`,
  );
  return JSON.parse(marked, (_name, value) =>
    typeof value === "string" && value.startsWith(mark)
      ? new ExactNumber(value.slice(mark.length))
      : value,
  );
}

/** Formats a parsed value. */
export function formatExact(value: unknown, indent = 2): string {
  const mark = unusedMark(JSON.stringify(value));
  const json = JSON.stringify(
    value,
    (_name, part) => (part instanceof ExactNumber ? mark + part.text : part),
    indent,
  );
  return json.replace(new RegExp(`"${mark}([^"]*)"`, "g"), "$1");
}

/** A prefix that no string of the text has. */
function unusedMark(json: string): string {
  let mark = "exact:";
  while (json.includes(mark)) mark = `!${mark}`;
  return mark;
}
