import { SegmentedControl, useMantineColorScheme, VisuallyHidden } from "@mantine/core";
import { type LucideIcon, Monitor, Moon, Sun } from "lucide-react";
import { useTranslation } from "react-i18next";
import { keepLanguage, type Language, languageNames, languages } from "../i18n";
import styles from "./Preferences.module.css";

const classNames = {
  root: styles.root ?? "",
  label: styles.label ?? "",
  indicator: styles.indicator ?? "",
};

/** Language and theme. Both are stored in this browser. */
export function Preferences() {
  return (
    <div className={styles.preferences}>
      <SchemeSwitch />
      <LanguageSwitch />
    </div>
  );
}

function LanguageSwitch() {
  const { t, i18n } = useTranslation();
  const choose = (language: Language) => {
    keepLanguage(window.localStorage, language);
    void i18n.changeLanguage(language);
  };
  return (
    <SegmentedControl
      aria-label={t("preferences.language")}
      value={i18n.language as Language}
      onChange={choose}
      classNames={classNames}
      data={languages.map((language) => ({
        value: language,
        label: (
          <span title={languageNames[language]}>
            <span aria-hidden="true">{language.toUpperCase()}</span>
            <VisuallyHidden>{languageNames[language]}</VisuallyHidden>
          </span>
        ),
      }))}
    />
  );
}

const schemes = ["light", "dark", "auto"] as const;
const schemeIcons: Record<(typeof schemes)[number], LucideIcon> = {
  light: Sun,
  dark: Moon,
  auto: Monitor,
};
const schemeNames = { light: "light", dark: "dark", auto: "system" } as const;

function SchemeSwitch() {
  const { t } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <SegmentedControl
      aria-label={t("preferences.scheme")}
      value={colorScheme}
      onChange={setColorScheme}
      classNames={classNames}
      data={schemes.map((scheme) => {
        const Icon = schemeIcons[scheme];
        const name = t(`preferences.${schemeNames[scheme]}`);
        return {
          value: scheme,
          label: (
            <span title={name} className={styles.icon}>
              <Icon size={13} aria-hidden="true" />
              <VisuallyHidden>{name}</VisuallyHidden>
            </span>
          ),
        };
      })}
    />
  );
}
