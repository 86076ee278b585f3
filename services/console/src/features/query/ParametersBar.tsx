import { VisuallyHidden } from "@mantine/core";
import { useTranslation } from "react-i18next";
import styles from "./ParametersBar.module.css";
import {
  type ParameterDraft,
  type ParameterType,
  parameterTypes,
  parameterValue,
} from "./parameters";

interface Props {
  parameters: readonly ParameterDraft[];
  onChange: (index: number, parameter: ParameterDraft) => void;
  onRun: () => void;
}

/** One input for each $n in the statement. */
export function ParametersBar({ parameters, onChange, onRun }: Props) {
  const { t } = useTranslation();
  if (parameters.length === 0) return null;
  return (
    <fieldset className={styles.bar}>
      <VisuallyHidden component="legend">{t("query.parameters")}</VisuallyHidden>
      {parameters.map((parameter, index) => (
        <ParameterInput
          // biome-ignore lint/suspicious/noArrayIndexKey: a parameter is identified by its number.
          key={index}
          number={index + 1}
          parameter={parameter}
          onChange={(changed) => onChange(index, changed)}
          onRun={onRun}
        />
      ))}
    </fieldset>
  );
}

interface InputProps {
  number: number;
  parameter: ParameterDraft;
  onChange: (parameter: ParameterDraft) => void;
  onRun: () => void;
}

function ParameterInput({ number, parameter, onChange, onRun }: InputProps) {
  const { t } = useTranslation();
  const wrong = parameter.text !== "" && parameterValue(parameter) === undefined;
  return (
    <span className={`${styles.parameter} ${wrong ? styles.wrong : ""}`}>
      <span className={styles.mark} aria-hidden="true">
        ${number}
      </span>
      <select
        className={styles.type}
        aria-label={t("query.parameterType", { number })}
        value={parameter.type}
        onChange={({ currentTarget }) =>
          onChange({ ...parameter, type: currentTarget.value as ParameterType })
        }
      >
        {parameterTypes.map((type) => (
          <option key={type} value={type}>
            {t(`query.type.${type}`)}
          </option>
        ))}
      </select>
      <ValueInput number={number} parameter={parameter} onChange={onChange} onRun={onRun} />
    </span>
  );
}

function ValueInput({ number, parameter, onChange, onRun }: InputProps) {
  const { t } = useTranslation();
  const label = t("query.parameterValue", { number });
  const change = (text: string) => onChange({ ...parameter, text });
  if (parameter.type === "null") {
    return (
      <input
        className={`${styles.value} ${styles.null}`}
        aria-label={label}
        value="NULL"
        disabled
      />
    );
  }
  if (parameter.type === "bool") {
    return (
      <select
        className={`${styles.value} ${styles.type}`}
        aria-label={label}
        value={parameter.text === "true" ? "true" : "false"}
        onChange={({ currentTarget }) => change(currentTarget.value)}
      >
        <option value="true">true</option>
        <option value="false">false</option>
      </select>
    );
  }
  const invalid = parameter.text !== "" && parameterValue(parameter) === undefined;
  return (
    <input
      className={styles.value}
      aria-label={label}
      aria-invalid={invalid}
      title={invalid ? t("query.notANumber") : undefined}
      inputMode={parameter.type === "number" ? "decimal" : "text"}
      value={parameter.text}
      onChange={({ currentTarget }) => change(currentTarget.value)}
      onKeyDown={({ key }) => key === "Enter" && onRun()}
      spellCheck={false}
      autoComplete="off"
    />
  );
}
