import { describe, expect, it } from "vitest";
import en from "./en.json";
import { formatFor } from "./format";
import { type Language, languages, preferredLanguage, startI18n } from "./index";
import ru from "./ru.json";

type Tree = { [key: string]: string | Tree };
const trees: Record<Language, Tree> = { en, ru };
const PLURAL = /_(zero|one|two|few|many|other)$/;

function textsOf(tree: Tree, prefix = ""): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === "string") texts.set(prefix + key, value);
    else for (const entry of textsOf(value, `${prefix}${key}.`)) texts.set(...entry);
  }
  return texts;
}

const texts = { en: textsOf(en), ru: textsOf(ru) };
const stems = (language: Language) =>
  [...new Set([...texts[language].keys()].map((key) => key.replace(PLURAL, "")))].sort();
const placeholders = (text: string) => (text.match(/{{.*?}}|<\/?\w+>/g) ?? []).sort();

describe("the texts", () => {
  it("have the same keys in every language", () => {
    expect(stems("ru")).toEqual(stems("en"));
  });

  it.each(languages)("have every plural form of %s", (language) => {
    const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories.toSorted();
    const plurals = [...texts[language].keys()].filter((key) => PLURAL.test(key));
    expect(plurals.length).toBeGreaterThan(0);
    for (const stem of new Set(plurals.map((key) => key.replace(PLURAL, "")))) {
      const present = plurals.filter((key) => key.replace(PLURAL, "") === stem);
      expect(present.map((key) => key.slice(stem.length + 1)).sort()).toEqual(forms);
    }
  });

  it("have the same placeholders", () => {
    for (const [key, text] of texts.ru) {
      const original = texts.en.get(key) ?? texts.en.get(key.replace(PLURAL, "_other"));
      expect(placeholders(text), key).toEqual(placeholders(original ?? ""));
    }
  });

  it.each(languages)("are not empty in %s", (language) => {
    for (const [key, text] of texts[language]) expect(text.trim(), key).not.toBe("");
  });

  it("are all in use", () => {
    const sources = import.meta.glob<string>("../**/*.{ts,tsx}", {
      query: "?raw",
      import: "default",
      eager: true,
    });
    const code = Object.entries(sources)
      .filter(([path]) => !path.includes(".test."))
      .map(([, text]) => text)
      .join("\n");
    // Keys with a variable last segment are matched by their fixed prefix.
    const used = (key: string) =>
      code.includes(`"${key}"`) || code.includes(`\`${key.slice(0, key.lastIndexOf(".") + 1)}$`);
    expect(stems("en").filter((key) => !used(key))).toEqual([]);
  });
});

describe("counting", () => {
  it.each([
    [1, "1 строка"],
    [3, "3 строки"],
    [5, "5 строк"],
    [21, "21 строка"],
    [10_000, "10\u00a0000 строк"],
  ])("%i in Russian is %s", async (count, text) => {
    const i18n = await startI18n("ru");
    expect(i18n.t("query.rows", { count })).toBe(text);
  });

  it("groups digits in English", async () => {
    const i18n = await startI18n("en");
    expect(i18n.t("query.rows", { count: 10_000 })).toBe("10,000 rows");
    expect(i18n.t("query.rows", { count: 1 })).toBe("1 row");
  });

  it("formats durations in a suitable unit", () => {
    const { duration } = formatFor("en");
    expect([0.6, 182.4, 1234, 90_000].map(duration)).toEqual([
      "0.6 ms",
      "182 ms",
      "1.23 sec",
      "1.5 min",
    ]);
  });
});

describe("preferredLanguage", () => {
  it("is the chosen language, else the browser's, else English", () => {
    expect(preferredLanguage(window.localStorage, ["de", "ru-RU"])).toBe("ru");
    expect(preferredLanguage(window.localStorage, ["de"])).toBe("en");
    window.localStorage.setItem("postern.language", "en");
    expect(preferredLanguage(window.localStorage, ["ru"])).toBe("en");
  });
});

it("every language has texts", () => {
  expect(Object.keys(trees)).toEqual([...languages]);
});
