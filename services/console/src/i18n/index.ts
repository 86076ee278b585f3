import i18next, { type i18n } from "i18next";
import { initReactI18next } from "react-i18next";
import en from "./en.json";
import ru from "./ru.json";

export const languages = ["en", "ru"] as const;
export type Language = (typeof languages)[number];

/** Each language's name in that language. */
export const languageNames: Record<Language, string> = { en: "English", ru: "Русский" };

const STORAGE_KEY = "postern.language";

declare module "i18next" {
  interface CustomTypeOptions {
    resources: { translation: typeof en };
  }
}

export async function startI18n(language: Language): Promise<i18n> {
  const instance = i18next.createInstance();
  instance.on("languageChanged", (chosen) => {
    document.documentElement.lang = chosen;
  });
  await instance.use(initReactI18next).init({
    lng: language,
    fallbackLng: "en",
    resources: { en: { translation: en }, ru: { translation: ru } },
    // React already escapes what it renders.
    interpolation: { escapeValue: false },
    // Plural forms come from Intl.PluralRules; `{{count, number}}` is formatted by Intl.NumberFormat.
  });
  return instance;
}

export function preferredLanguage(
  storage: Storage,
  navigatorLanguages: readonly string[],
): Language {
  const kept = languages.find((language) => language === storage.getItem(STORAGE_KEY));
  if (kept) return kept;
  for (const tag of navigatorLanguages) {
    const match = languages.find((language) => tag.toLowerCase().split("-")[0] === language);
    if (match) return match;
  }
  return "en";
}

export function keepLanguage(storage: Storage, language: Language): void {
  storage.setItem(STORAGE_KEY, language);
}
