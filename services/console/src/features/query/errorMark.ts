import { type Extension, StateEffect, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView } from "@codemirror/view";

const setMark = StateEffect.define<number | null>();

const mark = Decoration.mark({ class: "cm-sql-error" });
const line = Decoration.line({ class: "cm-sql-error-line" });

/** Underlines the word at the error position until the text changes. */
const field = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, transaction) {
    const effect = transaction.effects.find((candidate) => candidate.is(setMark));
    if (effect) return marksAt(transaction.state.doc.toString(), effect.value);
    return transaction.docChanged ? Decoration.none : marks;
  },
  provide: (own) => EditorView.decorations.from(own),
});

export const errorMark: Extension = field;

/** Marks the word at an offset; null removes the mark. */
export function markError(view: EditorView, offset: number | null): void {
  view.dispatch({
    effects: setMark.of(offset),
    ...(offset === null ? {} : { scrollIntoView: true, selection: { anchor: offset } }),
  });
}

function marksAt(text: string, offset: number | null): DecorationSet {
  if (offset === null || offset > text.length) return Decoration.none;
  const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
  const marks = [line.range(lineStart)];
  const word = /^[\w$.]+|^[^\s]/.exec(text.slice(offset))?.[0].length ?? 0;
  if (word > 0) marks.push(mark.range(offset, offset + word));
  return Decoration.set(marks);
}
