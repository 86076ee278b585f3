import { useForm } from "@mantine/form";
import { type Connection, type ConnectionChange, PosternError } from "@postern/client";
import { useState } from "react";
import type { Problem, Problems } from "./problem";
import { useSaveConnection } from "./useConnections";
import { useProblemText } from "./useProblemText";

/** What one kind of tenant needs of the form. */
interface Kind<D extends { name: string }> {
  blank: D;
  draftOf: (connection: Connection) => D;
  problemsOf: (draft: D, stored: D | null) => Problems<Extract<keyof D, string>>;
  changeOf: (draft: D, expectedVersion: bigint) => ConnectionChange;
  /** The draft's field for each field of the request. */
  fields: Readonly<Record<string, keyof D>>;
}

/** The form of one kind of tenant: its draft, its problems and the server's response. */
export function useDraftForm<D extends { name: string }>(
  kind: Kind<D>,
  opened: Connection | null,
  onSaved: (connection: Connection) => void,
) {
  // Keep the version the form was opened with, even if a refetch brings a newer one.
  const [connection] = useState(opened);
  const [stored] = useState(() => connection && kind.draftOf(connection));
  const save = useSaveConnection();
  const problemText = useProblemText();
  const form = useForm<D>({
    initialValues: stored ?? kind.blank,
    validate: (draft) => kind.problemsOf(draft, stored),
    onValuesChange: () => save.reset(),
  });

  const submit = form.onSubmit(async (draft) => {
    try {
      onSaved(await save.mutateAsync(kind.changeOf(draft, connection?.version ?? 0n)));
    } catch (thrown) {
      // The form shows server errors from `save.error`.
      if (!(thrown instanceof PosternError)) throw thrown;
    }
  });

  const refused = save.error?.field === undefined ? undefined : kind.fields[save.error.field];
  const problem = (field: Extract<keyof D, string>): string | undefined => {
    const known = form.errors[field] as Problem | undefined;
    if (known) return problemText(known);
    return refused === field ? save.error?.message : undefined;
  };

  return {
    draft: form.values,
    stored,
    connection,
    error: save.error,
    saving: save.isPending,
    problem,
    set: <F extends Extract<keyof D, string>>(field: F, value: D[F]) => {
      form.setValues((before) => ({ ...before, [field]: value }) as Partial<D>);
      form.clearFieldError(field);
    },
    /** A connection is identified by its name, so an edit cannot change it. */
    fill: (draft: D) => form.setValues(stored === null ? draft : { ...draft, name: stored.name }),
    submit,
  };
}
