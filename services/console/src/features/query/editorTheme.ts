import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

/** Styles the editor with the console's tokens, which follow the color scheme. */
const look = EditorView.theme({
  "&": { height: "100%", backgroundColor: "var(--pt-surface)", color: "var(--pt-text)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": {
    fontFamily: "var(--pt-mono)",
    fontSize: "var(--pt-text-sm)",
    lineHeight: "1.65",
    fontVariantLigatures: "none",
  },
  ".cm-content": { padding: "12px 0", caretColor: "var(--pt-accent)" },
  ".cm-line": { padding: "0 16px 0 10px" },
  ".cm-gutters": {
    backgroundColor: "var(--pt-surface)",
    border: "none",
    color: "var(--pt-text-3)",
    paddingLeft: "8px",
  },
  ".cm-lineNumbers .cm-gutterElement": { minWidth: "28px", padding: "0 4px" },
  ".cm-activeLine": { backgroundColor: "transparent" },
  "&.cm-focused .cm-activeLine": { backgroundColor: "var(--pt-sunken)" },
  ".cm-activeLineGutter": { backgroundColor: "transparent" },
  "&.cm-focused .cm-activeLineGutter": { color: "var(--pt-text)" },
  ".cm-cursor": { borderLeftColor: "var(--pt-accent)", borderLeftWidth: "2px" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground":
    {
      backgroundColor: "var(--pt-selection)",
    },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": {
    backgroundColor: "var(--pt-accent-soft)",
    outline: "1px solid var(--pt-accent)",
  },
  ".cm-sql-error-line": { backgroundColor: "var(--pt-danger-soft) !important" },
  ".cm-sql-error": {
    textDecoration: "underline wavy var(--pt-danger)",
    textDecorationSkipInk: "none",
    textUnderlineOffset: "4px",
  },
  ".cm-tooltip": {
    border: "1px solid var(--pt-line)",
    borderRadius: "var(--pt-radius)",
    backgroundColor: "var(--pt-surface)",
    boxShadow: "var(--pt-shadow)",
  },
  ".cm-tooltip-autocomplete > ul": { fontFamily: "var(--pt-mono)", maxHeight: "180px" },
  ".cm-tooltip-autocomplete > ul > li": { padding: "3px 10px", color: "var(--pt-text)" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": {
    backgroundColor: "var(--pt-accent-soft)",
    color: "var(--pt-text)",
  },
});

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword], color: "var(--pt-code-keyword)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--pt-code-string)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--pt-code-number)" },
  { tag: [tags.typeName, tags.standard(tags.name)], color: "var(--pt-code-function)" },
  { tag: tags.comment, color: "var(--pt-code-comment)", fontStyle: "italic" },
  { tag: [tags.punctuation, tags.operator], color: "var(--pt-text-2)" },
]);

export const editorTheme: Extension = [look, syntaxHighlighting(colours)];
