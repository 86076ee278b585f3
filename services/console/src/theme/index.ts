import "./fonts.css";
import "./mantine.css";
import "./tokens.css";
import "./base.css";

export { Logo } from "./Logo";
export { cssVariables, theme } from "./theme";
