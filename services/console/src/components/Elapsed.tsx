import { Clock } from "lucide-react";
import { useEffect, useState } from "react";
import { useFormat } from "../i18n/format";
import { Tag } from "./Tag";

/** How long a run took. */
export function Elapsed({ milliseconds, ...rest }: { milliseconds: number }) {
  const format = useFormat();
  return (
    <Tag icon={Clock} {...rest}>
      {format.duration(milliseconds)}
    </Tag>
  );
}

const TICK_MS = 100;

/** A running timer, hidden from screen readers, which would announce every tick. */
export function Ticking({ since }: { since: number }) {
  const format = useFormat();
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <Tag icon={Clock} aria-hidden="true">
      {format.duration(Math.max(0, now - since))}
    </Tag>
  );
}
