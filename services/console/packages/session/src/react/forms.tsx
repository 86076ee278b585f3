import { useState } from "react";
import type { SupabaseConfig } from "../config.js";
import { fill } from "../texts/index.js";
import type { FormProps } from "./SignIn.js";

export function DevelopmentForm({ texts, parts, busy, signIn }: FormProps) {
  const [user, setUser] = useState("");
  return (
    <parts.Form onSubmit={() => signIn({ kind: "development", user })}>
      <parts.Field
        label={texts.user}
        type="text"
        autoComplete="username"
        placeholder={texts.userPlaceholder}
        value={user}
        onChange={setUser}
        autoFocus
      />
      <parts.Button text={texts.signIn} busy={busy} />
      <parts.Hint text={texts.development} />
    </parts.Form>
  );
}

export function OidcForm({ state, texts, parts, busy, signIn }: FormProps) {
  const provider = state.config?.kind === "oidc" ? new URL(state.config.authority).host : "";
  const again = state.phase === "expired";
  const text = again ? texts.signInAgain : fill(texts.continueWith, { provider });
  return <parts.Button text={text} busy={busy} onPress={() => signIn({ kind: "oidc" })} />;
}

export function SupabaseForm(props: FormProps) {
  const { state, texts, parts } = props;
  if (state.config?.kind !== "supabase") return null;
  const { providers, password, magicLink } = state.config;
  const byEmail = password || magicLink;
  return (
    <>
      {byEmail && <EmailForm {...props} config={state.config} />}
      {byEmail && providers.length > 0 && <parts.Divider text={texts.or} />}
      {providers.map((name) => (
        <ProviderButton key={name} {...props} name={name} quiet={byEmail} />
      ))}
    </>
  );
}

function EmailForm({
  state,
  config,
  texts,
  parts,
  busy,
  signIn,
}: FormProps & { config: SupabaseConfig }) {
  const [email, setEmail] = useState(state.user?.name ?? "");
  const [password, setPassword] = useState("");
  const sendLink = () => signIn({ kind: "magicLink", email });
  const usePassword = () => signIn({ kind: "password", email, password });
  return (
    <parts.Form onSubmit={config.password ? usePassword : sendLink}>
      <parts.Field
        label={texts.email}
        type="email"
        autoComplete="username"
        value={email}
        onChange={setEmail}
        autoFocus
      />
      {config.password && (
        <>
          <parts.Field
            label={texts.password}
            type="password"
            autoComplete="current-password"
            value={password}
            onChange={setPassword}
          />
          <parts.Button text={texts.signIn} busy={busy} />
        </>
      )}
      {config.magicLink &&
        (config.password ? (
          <parts.Button quiet text={texts.sendLink} busy={busy} onPress={sendLink} />
        ) : (
          <parts.Button text={texts.sendLink} busy={busy} />
        ))}
    </parts.Form>
  );
}

/** Supabase's names of providers that are not theirs with a capital. */
const PROVIDERS: Readonly<Record<string, string>> = {
  azure: "Microsoft",
  github: "GitHub",
  gitlab: "GitLab",
  linkedin_oidc: "LinkedIn",
  slack_oidc: "Slack",
  workos: "WorkOS",
};

function ProviderButton({
  name,
  quiet,
  texts,
  parts,
  busy,
  signIn,
}: FormProps & { name: string; quiet: boolean }) {
  const provider = PROVIDERS[name] ?? name.charAt(0).toUpperCase() + name.slice(1);
  const text = fill(texts.continueWith, { provider });
  const onPress = () => signIn({ kind: "provider", name });
  return <parts.Button text={text} busy={busy} quiet={quiet} onPress={onPress} />;
}
