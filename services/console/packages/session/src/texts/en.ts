import type { SignInTexts } from "./index.js";

export const en: SignInTexts = {
  starting: "Signing you in…",
  leaving: "Opening the sign-in page…",
  retry: "Try again",
  user: "Username",
  userPlaceholder: "alice",
  development: "Development sign-in: use any name, no password needed.",
  signIn: "Sign in",
  signInAgain: "Sign in again",
  continueWith: "Continue with {provider}",
  or: "or",
  email: "Email",
  password: "Password",
  sendLink: "Email me a sign-in link",
  someoneElse: "Not {user}? Sign in as someone else",
  notices: {
    signedOut: "You have signed out.",
    signedOutElsewhere: "You have signed out in another tab.",
    signedOutHereOnly:
      "You have signed out here, but the identity provider may still have you signed in.",
    linkSent: "Check your email. Open the link in this browser to sign in.",
  },
  problems: {
    configMissing: {
      title: "Sign-in is not set up",
      text: "There is no /config.json next to this app. An operator has to add it; the README describes its content.",
    },
    configInvalid: {
      title: "Sign-in is set up incorrectly",
      text: "An operator has to correct /config.json: {detail}.",
    },
    configUnreachable: {
      title: "Can't reach the server",
      text: "Check your network connection, then try again.",
    },
    unreachable: {
      title: "Can't reach the identity provider",
      text: "{detail} does not respond. Try again in a moment. If it works elsewhere, an operator has to allow this app's origin there (CORS) and the provider's origin here (content security policy).",
    },
    refused: {
      title: "Sign-in was refused",
      text: "You or the identity provider declined the sign-in ({detail}). Try again, or ask an administrator for access.",
    },
    misconfigured: {
      title: "The identity provider rejected this app",
      text: "The provider reported {detail}. An operator has to correct /config.json or the app's registration at the provider.",
    },
    interrupted: {
      title: "You have not finished signing in",
      text: "Try again. If the provider showed an error about a redirect URI, an operator has to register {detail} there.",
    },
    stale: {
      title: "This sign-in link no longer works",
      text: "It was used already, or it was opened in another tab. Sign in again.",
    },
    untrusted: {
      title: "The identity provider's response can't be trusted",
      text: "It does not match the request from this browser ({detail}). Sign in again. If this happens again, tell an operator.",
    },
    otherUser: {
      title: "Someone else is signed in now",
      text: "The identity provider has another user signed in. Sign in again.",
    },
    opaqueToken: {
      title: "The identity provider issues no usable tokens",
      text: "Its access tokens are not JWTs. An operator has to set audience or resource in /config.json.",
    },
    expired: {
      title: "Your session has expired",
      text: "Sign in again to continue where you were.",
    },
    silentFailed: {
      title: "Your session has expired",
      text: "It could not be renewed in the background: you have signed out at {detail}, or your browser blocks its cookies here. Sign in again to continue where you were. If this happens again, an operator has to allow refresh tokens for this app.",
    },
    tokenRefused: {
      title: "Postern does not accept this sign-in",
      text: "Your account may lack access, or the services are set up for another provider. Sign in with another account, or ask an operator.",
    },
    credentials: {
      title: "Wrong email or password",
      text: "Check both, then try again.",
    },
    emailNotConfirmed: {
      title: "Your email address is not confirmed",
      text: "Open the link in the confirmation email, then sign in.",
    },
    rateLimited: {
      title: "Too many attempts",
      text: "Wait a minute, then try again.",
    },
    linkExpired: {
      title: "This sign-in link has expired",
      text: "Sign in again to get a new one.",
    },
    otherBrowser: {
      title: "This sign-in began in another browser",
      text: "Open the link in the browser where you asked for it, or sign in again here.",
    },
    badName: {
      title: "Invalid username",
      text: "Use 1 to 64 letters, digits, dots, dashes, underscores or @.",
    },
    unexpected: {
      title: "Sign-in failed",
      text: "Try again. If this happens again, tell an operator: {detail}",
    },
  },
};
