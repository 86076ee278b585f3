import { useState } from "react";
import type { SignInRequest } from "../method.js";
import type { Problem } from "../problem.js";
import type { Session, SessionState } from "../session.js";
import { en } from "../texts/en.js";
import { fill, type SignInTexts } from "../texts/index.js";
import { DevelopmentForm, OidcForm, SupabaseForm } from "./forms.js";
import { type Parts, type PartsProps, plainParts } from "./parts.js";

export type { Parts, PartsProps };

export interface SignInProps {
  session: Session;
  state: SessionState;
  /** English by default; `ru` is there too. */
  texts?: SignInTexts;
  /** Components of the app's own design; by default, plain HTML elements. */
  parts?: Parts;
}

/** What the forms need. */
export interface FormProps {
  state: SessionState;
  texts: SignInTexts;
  parts: Parts;
  busy: boolean;
  signIn: (request: SignInRequest) => void;
}

/** The content of a sign-in page: why the user is here, and the ways to sign in. */
export function SignIn({ session, state, texts = en, parts = plainParts }: SignInProps) {
  const [busy, setBusy] = useState(false);
  const { phase, problem, notice, user, config } = state;
  if (phase === "starting" || phase === "leaving") return <parts.Waiting text={texts[phase]} />;
  const signIn = async (request: SignInRequest) => {
    setBusy(true);
    await session.signIn(request);
    setBusy(false);
  };
  const form = {
    state,
    texts,
    parts,
    busy,
    signIn: (request: SignInRequest) => void signIn(request),
  };
  return (
    <>
      {problem && <parts.Problem {...textOf(problem, texts)} />}
      {notice && <parts.Notice text={texts.notices[notice]} />}
      {config === null ? (
        <parts.Button text={texts.retry} onPress={() => void session.restart()} />
      ) : (
        <Form {...form} />
      )}
      {phase === "expired" && user !== null && (
        <parts.Button
          quiet
          text={fill(texts.someoneElse, { user: user.name })}
          onPress={() => void session.signOut()}
        />
      )}
    </>
  );
}

function Form(props: FormProps) {
  switch (props.state.config?.kind) {
    case "oidc":
      return <OidcForm {...props} />;
    case "supabase":
      return <SupabaseForm {...props} />;
    default:
      return <DevelopmentForm {...props} />;
  }
}

function textOf({ kind, detail = "" }: Problem, { problems }: SignInTexts) {
  const { title, text } = problems[kind];
  return { title, text: fill(text, { detail }) };
}
