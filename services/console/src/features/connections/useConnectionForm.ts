import { type Connection, PosternError } from "@postern/client";
import type { Dsn } from "@postern/client/rules";
import { useState } from "react";
import {
  blankDraft,
  changeOf,
  type Draft,
  type DraftField,
  type DraftProblems,
  draftOf,
  fieldsOfRequest,
  fillFrom,
  needsPassword,
  problemsOf,
} from "./draft";
import { useSaveConnection } from "./useConnections";

/** The state of one form: its draft, validation problems and the server's response. */
export function useConnectionForm(opened: Connection | null, onSaved: (name: string) => void) {
  // Keep the version the form was opened with, even if a refetch brings a newer one.
  const [connection] = useState(opened);
  const stored = connection && draftOf(connection);
  const [draft, setDraft] = useState<Draft>(stored ?? blankDraft);
  const [tried, setTried] = useState(false);
  const save = useSaveConnection();
  const problems: DraftProblems = tried ? problemsOf(draft, stored) : {};

  const set = <F extends DraftField>(field: F, value: Draft[F]) => {
    save.reset();
    setDraft((before) => ({ ...before, [field]: value }));
  };

  const submit = async () => {
    setTried(true);
    if (Object.keys(problemsOf(draft, stored)).length > 0) return;
    try {
      const saved = await save.mutateAsync(changeOf(draft, connection?.version ?? 0n));
      onSaved(saved.name);
    } catch (thrown) {
      // The form shows server errors from `save.error`.
      if (!(thrown instanceof PosternError)) throw thrown;
    }
  };

  return {
    draft,
    problems,
    refusedField: save.error?.field === undefined ? undefined : fieldsOfRequest[save.error.field],
    error: save.error,
    saving: save.isPending,
    passwordNeeded: needsPassword(draft, stored),
    set,
    fill: (dsn: Dsn) => setDraft((before) => keepName(fillFrom(before, dsn), stored)),
    submit,
  };
}

/** A connection is identified by its name, so an edit cannot change it. */
function keepName(draft: Draft, stored: Draft | null): Draft {
  return stored === null ? draft : { ...draft, name: stored.name };
}
