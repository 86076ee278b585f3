import { useTranslation } from "react-i18next";

export interface Format {
  number(value: number | bigint): string;
  /** A duration given in milliseconds, in a suitable unit. */
  duration(milliseconds: number): string;
  /** Date and time. */
  moment(date: Date): string;
}

const made = new Map<string, Format>();

/** Formats numbers, times and durations for the current language. */
export function useFormat(): Format {
  const { i18n } = useTranslation();
  return formatFor(i18n.language);
}

export function formatFor(language: string): Format {
  const known = made.get(language);
  if (known) return known;
  const format = make(language);
  made.set(language, format);
  return format;
}

function make(language: string): Format {
  const number = new Intl.NumberFormat(language);
  const moment = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const unit = (name: "millisecond" | "second" | "minute", digits: number) =>
    new Intl.NumberFormat(language, {
      style: "unit",
      unit: name,
      unitDisplay: "short",
      maximumFractionDigits: digits,
    });
  const fine = unit("millisecond", 1);
  const milliseconds = unit("millisecond", 0);
  const seconds = unit("second", 2);
  const minutes = unit("minute", 1);
  return {
    number: (value) => number.format(value),
    moment: (date) => moment.format(date),
    duration: (value) => {
      if (value < 10) return fine.format(value);
      if (value < 1000) return milliseconds.format(value);
      if (value < 60_000) return seconds.format(value / 1000);
      return minutes.format(value / 60_000);
    },
  };
}
