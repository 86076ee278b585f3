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
import { styleRoot } from "./styleRoot";

interface Props {
  /** The initial text; from then on the editor owns it. */
  initial: string;
  label: string;
  /** UTF-16 offset of the last error, or null. */
  errorAt: number | null;
  onChange: (sql: string) => void;
  onRun: () => void;
}

/** Tab moves the focus out, as in any other input; ⌘/Ctrl-Enter runs the statement. */
export function SqlEditor({ initial, label, errorAt, onChange, onRun }: Props) {
  const container = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const first = useRef(initial);
  const changed = useEffectEvent(onChange);
  const run = useEffectEvent(onRun);

  useEffect(() => {
    if (container.current === null) return;
    const editor = new EditorView({
      parent: container.current,
      root: styleRoot,
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

  return <div ref={container} className={styles.editor} />;
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
  // Only on Ctrl-Space: it completes nothing but keywords, so opening while typing would get in the way.
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
