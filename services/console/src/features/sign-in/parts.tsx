import { Button, Loader, TextInput } from "@mantine/core";
import type { Parts } from "@postern/session/react";
import styles from "./SignInPage.module.css";

/** The sign-in form in the console's design. */
export const parts: Parts = {
  Button: ({ text, onPress, busy = false, quiet = false }) => (
    <Button
      type={onPress ? "button" : "submit"}
      variant={quiet ? "default" : "filled"}
      classNames={{ root: styles.button ?? "", label: styles.buttonLabel ?? "" }}
      size="sm"
      fullWidth
      loading={busy}
      {...(onPress && { onClick: onPress })}
    >
      {text}
    </Button>
  ),
  Field: ({ onChange, ...field }) => (
    <TextInput
      {...field}
      size="sm"
      spellCheck={false}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
    />
  ),
  Form: ({ onSubmit, children }) => (
    <form
      className={styles.fields}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {children}
    </form>
  ),
  Problem: ({ title, text }) => (
    <div className={styles.trouble} role="alert">
      <p className={styles.troubleTitle}>{title}</p>
      <p>{text}</p>
    </div>
  ),
  Notice: ({ text }) => (
    <p className={styles.notice} role="status">
      {text}
    </p>
  ),
  Hint: ({ text }) => <p className={styles.note}>{text}</p>,
  Divider: ({ text }) => <p className={styles.divider}>{text}</p>,
  Waiting: ({ text }) => (
    <p className={styles.waiting} role="status">
      <Loader size={16} aria-hidden="true" />
      {text}
    </p>
  ),
};
