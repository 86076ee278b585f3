import { type KeyError, type ProjectUrlError, recogniseKey } from "@postern/client/rules";
import { useTranslation } from "react-i18next";
import type { Problem } from "./problem";

type Simple = Exclude<Problem, `${string}.${string}`>;

/** The text for a problem; for a key of another project it names both projects. */
export function useProblemText(): (
  problem: Problem,
  context?: { key: string; ref: string | null },
) => string {
  const { t } = useTranslation();
  return (problem, context) => {
    const [rule = "", code] = problem.split(".");
    if (rule === "url") return t(`problem.url.${code as ProjectUrlError}`);
    if (rule !== "key") return t(`problem.${rule as Simple}`);
    const key = context && recogniseKey(context.key);
    const refs = { key: key?.ok ? key.value.ref : "", project: context?.ref };
    return t(`problem.key.${code as KeyError}`, refs);
  };
}
