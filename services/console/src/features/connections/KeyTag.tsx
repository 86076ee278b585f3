import type { StoredSecret } from "@postern/client";
import { bypassesRls, type KeySort } from "@postern/client/rules";
import { KeyRound } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Tag } from "../../components/Tag";
import { sortOf } from "./keySort";

/** The sort of a key, marked if it bypasses row level security. */
export function KeySortTag({ sort, last = "" }: { sort: KeySort; last?: string }) {
  const { t } = useTranslation();
  return (
    <Tag icon={KeyRound} tone={bypassesRls(sort) ? "warn" : "plain"}>
      {t(`form.keySort.${sort}`)}
      {last !== "" && <code>••••{last}</code>}
    </Tag>
  );
}

/** A stored key's sort and last characters; nothing for a password. */
export function StoredKeyTag({ secret }: { secret: StoredSecret }) {
  const sort = sortOf(secret);
  return sort && <KeySortTag sort={sort} last={secret.lastCharacters} />;
}
