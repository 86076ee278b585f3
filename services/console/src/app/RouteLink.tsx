import type { ComponentPropsWithRef, MouseEvent } from "react";
import { hrefOf, navigate, type Route } from "./route";

interface Props extends Omit<ComponentPropsWithRef<"a">, "href"> {
  to: Route;
}

/** A link that navigates without a reload. It is a real anchor, so it can be opened in another tab. */
export function RouteLink({ to, onClick, ...rest }: Props) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    const opensElsewhere = event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0;
    if (event.defaultPrevented || opensElsewhere) return;
    event.preventDefault();
    navigate(to);
  };
  return <a href={hrefOf(to)} onClick={follow} {...rest} />;
}
