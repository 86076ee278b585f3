/** What a parser makes of a text: a value, or the code of the rule that the text breaks. */
export type Parsed<T, E extends string> = { ok: true; value: T } | { ok: false; error: E };

/** Thrown by the steps of a parser, and caught by `parsed`. */
class Broken extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** Runs a parser whose steps call `reject`. */
export function parsed<T, E extends string>(
  parse: (reject: (code: E) => never) => T,
): Parsed<T, E> {
  const reject = (code: E): never => {
    throw new Broken(code);
  };
  try {
    return { ok: true, value: parse(reject) };
  } catch (thrown) {
    if (thrown instanceof Broken) return { ok: false, error: thrown.code as E };
    throw thrown;
  }
}

/** Splits at the first occurrence of a separator. */
export function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** Bytes in UTF-8, which is what the server's limits count. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
