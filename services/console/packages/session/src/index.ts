export {
  type DevelopmentConfig,
  loadConfig,
  type OidcConfig,
  type PerService,
  parseConfig,
  type SignInConfig,
  type SupabaseConfig,
} from "./config.js";
export {
  type Browser,
  CALLBACK_PATH,
  realBrowser,
  type ServiceName,
  SIGNED_OUT_PATH,
  type SignInRequest,
  type User,
} from "./method.js";
export { type Problem, type ProblemKind, SignInError } from "./problem.js";
export {
  type Notice,
  type Phase,
  Session,
  type SessionOptions,
  type SessionState,
  SignedOutError,
} from "./session.js";
export { completeSilently, isSilentCallback } from "./silent.js";
export { type OtherTabs, otherTabs } from "./tabs.js";
export { en, ru, type SignInTexts } from "./texts/index.js";
