import "./fonts.css";
import "./mantine.css";
import "./tokens.css";
import "./base.css";

export { adoptVariables } from "./adoptVariables";
export { Logo } from "./Logo";
export { theme } from "./theme";
