import { type Postern, PosternError, ServingKey } from "@postern/client";
import { type FormEvent, useState } from "react";

interface Props {
  postern: Postern;
  connection: string;
  onSaved: (name: string) => void;
}

/** Saves the project's URL and keys. They are sealed on the server, and never come back to the browser. */
export function Settings({ postern, connection, onSaved }: Props) {
  const [error, setError] = useState<PosternError | null>(null);

  const save = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    try {
      const { name } = await postern.connections.save(changeOf(fields));
      onSaved(name);
    } catch (thrown) {
      if (!(thrown instanceof PosternError)) throw thrown;
      setError(thrown);
    }
  };

  return (
    <form onSubmit={save}>
      <h1>Settings</h1>
      <Field name="name" label="Name" defaultValue={connection} required />
      <Field name="url" label="Project URL" placeholder="https://REF.supabase.co" required />
      <Field name="anon_key" label="anon_key" type="password" />
      <Field name="service_role_key" label="service_role_key" type="password" />
      <details>
        <summary>Self-hosted project</summary>
        <label>
          CA certificates (PEM) <textarea name="ca" rows={3} spellCheck={false} />
        </label>
      </details>
      <button type="submit">Save</button>
      {error && (
        <p role="alert">
          {error.message} {error.hint}
        </p>
      )}
    </form>
  );
}

function changeOf(fields: FormData) {
  const text = (name: string) => String(fields.get(name) ?? "").trim();
  const publishableKey = text("anon_key");
  const secretKey = text("service_role_key");
  // The anon key serves if there is one, so that the project's row level security applies.
  const servingKey = publishableKey === "" ? ServingKey.SECRET : ServingKey.PUBLISHABLE;
  return {
    name: text("name"),
    supabase: { url: text("url"), servingKey, caPem: text("ca") },
    // A key that is left empty stays as it is stored.
    ...(publishableKey === "" ? {} : { publishableKey }),
    ...(secretKey === "" ? {} : { secretKey }),
  };
}

interface FieldProps {
  name: string;
  label: string;
  type?: string;
  defaultValue?: string;
  placeholder?: string;
  required?: boolean;
}

function Field({ label, ...input }: FieldProps) {
  return (
    <p>
      <label>
        {label} <input autoComplete="off" {...input} />
      </label>
    </p>
  );
}
