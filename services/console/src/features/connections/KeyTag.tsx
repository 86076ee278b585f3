import type { StoredSecret } from "@postern/client";
import { bypassesRls, type KeySort } from "@postern/client/rules";
import { Check, KeyRound } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Tag } from "../../components/Tag";
import { sortOf } from "./keySort";

interface Props {
  sort: KeySort;
  last?: string;
  /** Whether requests are made with the key. */
  serves?: boolean;
}

/** The sort of a key, marked if it bypasses row level security, and if it is the one that serves. */
export function KeySortTag({ sort, last = "", serves = false }: Props) {
  const { t } = useTranslation();
  return (
    <Tag icon={KeyRound} tone={bypassesRls(sort) ? "warn" : "plain"}>
      {t(`form.keySort.${sort}`)}
      {last !== "" && <code>••••{last}</code>}
      {serves && <Check size={13} role="img" aria-label={t("connections.serves")} />}
    </Tag>
  );
}

/** A stored key's sort and last characters; nothing for a password. */
export function StoredKeyTag({ secret, serves }: { secret: StoredSecret; serves: boolean }) {
  const sort = sortOf(secret);
  return sort && <KeySortTag sort={sort} last={secret.lastCharacters} serves={serves} />;
}
