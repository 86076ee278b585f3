import type { KeyboardEvent } from "react";
import type { RequestSearch } from "../../app/search";
import { factsOf } from "../connections/facts";
import { TenantHeader } from "../connections/TenantHeader";
import { useConnections } from "../connections/useConnections";
import { AnswerPanel } from "./AnswerPanel";
import { CodeLine } from "./CodeLine";
import { RequestBar } from "./RequestBar";
import { RequestFields } from "./RequestFields";
import styles from "./RequestPage.module.css";
import { supabaseJsLine } from "./supabaseJs";
import { useRequestTab } from "./useRequestTab";

interface Props {
  connection: string;
  search: RequestSearch;
}

/** A request to a Supabase project's REST API, and its answer. */
export function RequestPage({ connection, search }: Props) {
  const list = useConnections();
  const known = list.data?.find(({ name }) => name === connection);
  const facts = known && factsOf(known);
  const readOnly = facts?.readOnly ?? true;
  const tab = useRequestTab(connection, readOnly, search);

  const runOnShortcut = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    tab.run();
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a shortcut for the whole page; the button does the same.
    <div className={styles.page} onKeyDown={runOnShortcut}>
      <TenantHeader connection={connection} />
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          tab.run();
        }}
      >
        <RequestFields
          draft={tab.draft}
          readOnly={readOnly}
          userTokens={facts?.userTokens ?? false}
          onChange={tab.change}
        />
        {tab.problem !== "name" && <CodeLine code={supabaseJsLine(tab.draft)} />}
        <RequestBar state={tab.state} problem={tab.problem} onCancel={tab.cancel} />
      </form>
      <AnswerPanel
        state={tab.state}
        connection={connection}
        view={search.view ?? "grid"}
        onView={tab.show}
      />
    </div>
  );
}
