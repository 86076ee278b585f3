/** A position in a statement: a UTF-16 offset for the editor, and line and column, from 1, for display. */
export interface StatementPosition {
  /** UTF-16 offset, from 0. */
  offset: number;
  line: number;
  column: number;
}

/**
 * Converts a Postgres position, which counts characters from 1, to a UTF-16 offset from 0. The two differ
 * after any character outside the Basic Multilingual Plane. Returns null for 0 (unknown) and past the end.
 */
export function locate(sql: string, position: number): StatementPosition | null {
  if (position < 1) return null;
  let offset = 0;
  let line = 1;
  let column = 1;
  for (let passed = 1; passed < position; passed += 1) {
    const point = sql.codePointAt(offset);
    if (point === undefined) return null;
    offset += point > 0xffff ? 2 : 1;
    if (point === 0x0a) {
      line += 1;
      column = 1;
    } else {
      column += 1;
    }
  }
  return { offset, line, column };
}
