import type { Connection } from "@postern/client";
import {
  blankPostgres,
  postgresChange,
  postgresDraftOf,
  postgresFields,
  postgresProblems,
} from "./postgresDraft";
import {
  blankSupabase,
  supabaseChange,
  supabaseDraftOf,
  supabaseFields,
  supabaseProblems,
} from "./supabaseDraft";
import { useDraftForm } from "./useDraftForm";

export type PostgresForm = ReturnType<typeof usePostgresForm>;
export type SupabaseForm = ReturnType<typeof useSupabaseForm>;

type OnSaved = (connection: Connection) => void;

const postgres = {
  blank: blankPostgres,
  draftOf: postgresDraftOf,
  problemsOf: postgresProblems,
  changeOf: postgresChange,
  fields: postgresFields,
};

export function usePostgresForm(opened: Connection | null, onSaved: OnSaved) {
  return useDraftForm(postgres, opened, onSaved);
}

const supabase = {
  blank: blankSupabase,
  draftOf: supabaseDraftOf,
  problemsOf: supabaseProblems,
  changeOf: supabaseChange,
  fields: supabaseFields,
};

export function useSupabaseForm(opened: Connection | null, onSaved: OnSaved) {
  return useDraftForm(supabase, opened, onSaved);
}
