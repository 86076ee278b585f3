import {
  convertCssVariables,
  DEFAULT_THEME,
  deepMerge,
  defaultCssVariablesResolver,
  mergeMantineTheme,
} from "@mantine/core";
import { cssVariables, theme } from "./theme";

/**
 * Gives the page Mantine's variables. MantineProvider would put them into a style element, which the content security
 * policy forbids; it allows a constructed style sheet, since only a script can make one.
 */
export function adoptVariables(page: Document): void {
  const full = mergeMantineTheme(DEFAULT_THEME, theme);
  const variables = deepMerge(defaultCssVariablesResolver(full), cssVariables(full));
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(convertCssVariables(variables, ":root"));
  page.adoptedStyleSheets.push(sheet);
}
