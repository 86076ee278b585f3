import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  closeCompletion,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { PostgreSQL, sql as sqlLanguage } from "@codemirror/lang-sql";
import { bracketMatching, indentUnit } from "@codemirror/language";
import { Compartment, EditorState, Prec } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { useEffect, useEffectEvent, useRef } from "react";
import { editorTheme } from "./editorTheme";
import { errorMark, markError } from "./errorMark";
import styles from "./SqlEditor.module.css";

interface Props {
  /** The text to start with; later the editor is the one that knows it. */
  initial: string;
  label: string;
  /** UTF-16 offset of the last error, to be marked. */
  errorAt: number | null;
  onChange: (sql: string) => void;
  onRun: () => void;
}

/** Tab leaves the editor, as it leaves every other input; ⌘/Ctrl-Enter runs. */
export function SqlEditor({ initial, label, errorAt, onChange, onRun }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const first = useRef(initial);
  const changed = useEffectEvent(onChange);
  const run = useEffectEvent(onRun);

  useEffect(() => {
    if (place.current === null) return;
    const editor = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: first.current,
        extensions: [extensions, runKey(() => run()), changes((text) => changed(text))],
      }),
    });
    view.current = editor;
    return () => {
      first.current = editor.state.doc.toString();
      editor.destroy();
    };
  }, []);

  useEffect(() => {
    view.current?.dispatch({ effects: labelling.reconfigure(labelled(label)) });
  }, [label]);

  useEffect(() => {
    if (view.current) markError(view.current, errorAt);
  }, [errorAt]);

  return <div ref={place} className={styles.editor} />;
}

const labelling = new Compartment();

const labelled = (label: string) => EditorView.contentAttributes.of({ "aria-label": label });

const extensions = [
  lineNumbers(),
  highlightActiveLine(),
  highlightActiveLineGutter(),
  drawSelection(),
  history(),
  indentUnit.of("  "),
  bracketMatching(),
  closeBrackets(),
  // On Ctrl-Space alone: while all it knows is keywords, a list that opens by itself is in the way.
  autocompletion({ icons: false, activateOnTyping: false }),
  sqlLanguage({ dialect: PostgreSQL }),
  keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
  EditorView.lineWrapping,
  labelling.of([]),
  errorMark,
  editorTheme,
];

function runKey(run: () => void) {
  return Prec.highest(
    keymap.of([
      {
        key: "Mod-Enter",
        run: (view) => {
          closeCompletion(view);
          run();
          return true;
        },
      },
    ]),
  );
}

function changes(changed: (sql: string) => void) {
  return EditorView.updateListener.of((update) => {
    if (update.docChanged) changed(update.state.doc.toString());
  });
}
