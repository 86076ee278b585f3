export { type Parts, type PartsProps, SignIn, type SignInProps } from "./SignIn.js";
export { useSession } from "./useSession.js";
