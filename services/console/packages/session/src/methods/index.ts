import type { SignInConfig } from "../config.js";
import type { Browser, SignInMethod } from "../method.js";
import { SignInError } from "../problem.js";
import { DevelopmentSignIn } from "./development.js";

/** Loads only the library that this installation needs. */
export async function createMethod(config: SignInConfig, browser: Browser): Promise<SignInMethod> {
  switch (config.kind) {
    case "development":
      return new DevelopmentSignIn(browser);
    case "oidc": {
      const { OidcSignIn } = await import("./oidc.js").catch(notLoaded);
      return new OidcSignIn(config, browser);
    }
    case "supabase": {
      const { SupabaseSignIn } = await import("./supabase.js").catch(notLoaded);
      return new SupabaseSignIn(config, browser);
    }
  }
}

function notLoaded(thrown: unknown): never {
  throw new SignInError("configUnreachable", undefined, thrown);
}
