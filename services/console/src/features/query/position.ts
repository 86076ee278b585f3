/** A place in a statement, as a person and as an editor count it. */
export interface StatementPosition {
  /** UTF-16 offset, from 0. */
  offset: number;
  line: number;
  column: number;
}

/**
 * Postgres counts characters from 1; JavaScript counts UTF-16 units from 0. They part at the first
 * character outside the basic plane. Null for 0 (unknown) and for a place beyond the end.
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
