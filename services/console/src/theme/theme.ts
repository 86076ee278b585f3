import {
  ActionIcon,
  Button,
  Checkbox,
  type CSSVariablesResolver,
  createTheme,
  Drawer,
  defaultVariantColorsResolver,
  Input,
  type MantineColorsTuple,
  Modal,
  NativeSelect,
  Radio,
  Switch,
  Textarea,
  TextInput,
  Tooltip,
  type VariantColorsResolver,
} from "@mantine/core";
import controls from "./controls.module.css";

const copper: MantineColorsTuple = [
  "#eff8f6",
  "#dff0ec",
  "#b9e0d8",
  "#8fcfc3",
  "#57c7b4",
  "#2fa896",
  "#148a7b",
  "#0b6a5f",
  "#085449",
  "#063d35",
];

const gray: MantineColorsTuple = [
  "#fafaf8",
  "#f2f2ee",
  "#e9e9e4",
  "#dcdcd6",
  "#cfd0c8",
  "#a9aca6",
  "#8c918c",
  "#666d69",
  "#4d5451",
  "#1b1f1d",
];

const dark: MantineColorsTuple = [
  "#e7eae8",
  "#c3cac6",
  "#aab2ae",
  "#8f9893",
  "#38403c",
  "#2c3330",
  "#1c211f",
  "#171b19",
  "#141816",
  "#111413",
];

/** Text on the accent color is light in one scheme and dark in the other, which Mantine does not support. */
const variantColorResolver: VariantColorsResolver = (input) => {
  const colors = defaultVariantColorsResolver(input);
  const onAccent = input.variant === "filled" && (input.color ?? "copper") === "copper";
  return onAccent ? { ...colors, color: "var(--pt-on-accent)" } : colors;
};

const control = { defaultProps: { size: "xs" } };

/** Hiding the page's scrollbar would take a style element, which the content security policy forbids. */
const removeScrollProps = { removeScrollBar: false };

/** Maps Mantine to tokens.css; the tuples above repeat its colors where Mantine requires ten shades. */
export const theme = createTheme({
  primaryColor: "copper",
  primaryShade: { light: 7, dark: 4 },
  colors: { copper, gray, dark },
  variantColorResolver,
  fontFamily: "var(--pt-font)",
  fontFamilyMonospace: "var(--pt-mono)",
  fontSizes: {
    xs: "var(--pt-text-sm)",
    sm: "var(--pt-text-sm)",
    md: "var(--pt-text-md)",
    lg: "var(--pt-text-lg)",
    xl: "var(--pt-text-xl)",
  },
  defaultRadius: "var(--pt-radius)",
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: "subtle", color: "gray", size: 28 } }),
    Button: Button.extend(control),
    TextInput: TextInput.extend(control),
    Textarea: Textarea.extend(control),
    NativeSelect: NativeSelect.extend(control),
    Switch: Switch.extend(control),
    Radio: Radio.extend(control),
    Checkbox: Checkbox.extend(control),
    InputWrapper: Input.Wrapper.extend({
      defaultProps: { size: "xs" },
      classNames: {
        label: controls.label ?? "",
        description: controls.description ?? "",
        error: controls.error ?? "",
      },
    }),
    Input: Input.extend({
      classNames: { wrapper: controls.wrapper ?? "", input: controls.input ?? "" },
    }),
    Modal: Modal.extend({
      defaultProps: {
        removeScrollProps,
        centered: true,
        radius: "var(--pt-radius-lg)",
        transitionProps: { duration: 120, exitDuration: 0 },
        overlayProps: { backgroundOpacity: 0.32 },
      },
    }),
    Drawer: Drawer.extend({
      defaultProps: {
        removeScrollProps,
        transitionProps: { duration: 160, exitDuration: 0 },
        overlayProps: { backgroundOpacity: 0.32 },
      },
    }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 350, withArrow: false } }),
  },
});

const scheme = {
  "--mantine-color-body": "var(--pt-surface)",
  "--mantine-color-text": "var(--pt-text)",
  "--mantine-color-bright": "var(--pt-text)",
  "--mantine-color-dimmed": "var(--pt-text-2)",
  "--mantine-color-placeholder": "var(--pt-text-3)",
  "--mantine-color-error": "var(--pt-danger)",
  "--mantine-color-default": "var(--pt-surface)",
  "--mantine-color-default-hover": "var(--pt-hover)",
  "--mantine-color-default-color": "var(--pt-text)",
  "--mantine-color-default-border": "var(--pt-line-strong)",
  "--mantine-color-disabled": "var(--pt-hover)",
  "--mantine-color-disabled-color": "var(--pt-text-3)",
  "--mantine-color-disabled-border": "var(--pt-line)",
  "--mantine-color-gray-light-color": "var(--pt-text-2)",
  "--mantine-color-gray-light-hover": "var(--pt-hover)",
  "--mantine-color-copper-filled": "var(--pt-accent)",
  "--mantine-color-copper-filled-hover": "var(--pt-accent-strong)",
  "--mantine-primary-color-filled": "var(--pt-accent)",
  "--mantine-primary-color-filled-hover": "var(--pt-accent-strong)",
  "--mantine-primary-color-contrast": "var(--pt-on-accent)",
};

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: scheme,
  dark: scheme,
});
