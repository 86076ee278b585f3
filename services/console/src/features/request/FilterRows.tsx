import { ActionIcon, Button, NativeSelect, TextInput } from "@mantine/core";
import { Plus, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import styles from "./RequestPage.module.css";
import { type Filter, newFilter, type Operator, operators } from "./request";

interface Props {
  filters: readonly Filter[];
  onChange: (filters: readonly Filter[]) => void;
}

/** Conditions as PostgREST writes them; rows must meet all of them. */
export function FilterRows({ filters, onChange }: Props) {
  const { t } = useTranslation();
  return (
    <fieldset className={styles.filters}>
      <legend>{t("request.filters")}</legend>
      {filters.map((filter, index) => (
        <FilterRow
          // biome-ignore lint/suspicious/noArrayIndexKey: a filter is identified by its number.
          key={index}
          number={index + 1}
          filter={filter}
          onChange={(changed) => onChange(filters.with(index, changed))}
          onRemove={() => onChange(filters.toSpliced(index, 1))}
        />
      ))}
      <Button
        variant="default"
        size="compact-xs"
        leftSection={<Plus size={13} />}
        onClick={() => onChange([...filters, newFilter])}
      >
        {t("request.addFilter")}
      </Button>
    </fieldset>
  );
}

interface RowProps {
  number: number;
  filter: Filter;
  onChange: (filter: Filter) => void;
  onRemove: () => void;
}

function FilterRow({ number, filter, onChange, onRemove }: RowProps) {
  const { t } = useTranslation();
  return (
    <div className={styles.filter}>
      <TextInput
        aria-label={t("request.filterColumn", { number })}
        placeholder={filter.operator === "or" ? t("request.noColumn") : t("request.column")}
        value={filter.column}
        onChange={(event) => onChange({ ...filter, column: event.currentTarget.value })}
        autoComplete="off"
        spellCheck={false}
      />
      <NativeSelect
        aria-label={t("request.filterOperator", { number })}
        value={filter.operator}
        onChange={(event) =>
          onChange({ ...filter, operator: event.currentTarget.value as Operator })
        }
        data={[...operators]}
      />
      <TextInput
        aria-label={t("request.filterValue", { number })}
        placeholder={filter.operator === "or" ? "status.eq.open,total.gt.5" : t("request.value")}
        value={filter.value}
        onChange={(event) => onChange({ ...filter, value: event.currentTarget.value })}
        autoComplete="off"
        spellCheck={false}
      />
      <ActionIcon aria-label={t("request.removeFilter", { number })} onClick={onRemove}>
        <X size={15} />
      </ActionIcon>
    </div>
  );
}
