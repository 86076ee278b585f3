import type { ComponentPropsWithRef, MouseEvent } from "react";
import { addressOf, go, type Place } from "./place";

interface Props extends Omit<ComponentPropsWithRef<"a">, "href"> {
  to: Place;
}

/** A real link, so that it can be opened in another tab, that changes the place without a reload. */
export function PlaceLink({ to, onClick, ...rest }: Props) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    const elsewhere = event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0;
    if (event.defaultPrevented || elsewhere) return;
    event.preventDefault();
    go(to);
  };
  return <a href={addressOf(to)} onClick={follow} {...rest} />;
}
