import type { Summary } from "@postern/client";
import { useTranslation } from "react-i18next";
import { useFormat } from "../i18n/format";
import styles from "./Timings.module.css";

const steps = ["lookup", "acquire", "firstRow", "total"] as const;

/** How long each step of a query took, as measured by proxy-service. */
export function Timings({ timings }: Pick<Summary, "timings">) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <div>
      <strong>{t("query.timings")}</strong>
      <dl className={styles.list}>
        {steps.map((step) => {
          const time = timings[step];
          if (time === undefined) return null;
          return (
            <div key={step}>
              <dt>{t(`query.timing.${step}`)}</dt>
              <dd>{format.duration(time)}</dd>
            </div>
          );
        })}
      </dl>
    </div>
  );
}
