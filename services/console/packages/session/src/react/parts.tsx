import type { ComponentType, FormEvent, ReactNode } from "react";

/** The properties of each component that `SignIn` is made of. */
export interface PartsProps {
  Button: {
    text: string;
    /** Absent: the button submits the form around it. */
    onPress?: () => void;
    busy?: boolean;
    /** Not the first choice on the page. */
    quiet?: boolean;
  };
  Field: {
    label: string;
    type: "text" | "email" | "password";
    autoComplete: string;
    value: string;
    onChange: (value: string) => void;
    placeholder?: string;
    autoFocus?: boolean;
  };
  Form: { onSubmit: () => void; children: ReactNode };
  Problem: { title: string; text: string };
  Notice: { text: string };
  Hint: { text: string };
  Divider: { text: string };
  Waiting: { text: string };
}

export type Parts = { [Name in keyof PartsProps]: ComponentType<PartsProps[Name]> };

/** Plain HTML elements. */
export const plainParts: Parts = {
  Button: ({ text, onPress, busy = false }) => (
    <button type={onPress ? "button" : "submit"} onClick={onPress} disabled={busy}>
      {text}
    </button>
  ),
  Field: ({ label, onChange, autoFocus: _, ...input }) => (
    <label>
      {label}
      <input {...input} onChange={({ currentTarget }) => onChange(currentTarget.value)} />
    </label>
  ),
  Form: ({ onSubmit, children }) => (
    <form noValidate onSubmit={(event) => submitted(event, onSubmit)}>
      {children}
    </form>
  ),
  Problem: ({ title, text }) => (
    <div role="alert">
      <strong>{title}</strong>
      <p>{text}</p>
    </div>
  ),
  Notice: ({ text }) => <p role="status">{text}</p>,
  Hint: ({ text }) => <p>{text}</p>,
  Divider: ({ text }) => <p>{text}</p>,
  Waiting: ({ text }) => <p role="status">{text}</p>,
};

function submitted(event: FormEvent, onSubmit: () => void): void {
  event.preventDefault();
  onSubmit();
}
