import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import type { Postern, PosternError } from "../../client";
import { Desks } from "./desk";

const DesksContext = createContext<Desks | null>(null);

interface Props {
  postern: Postern;
  onFailure: (error: PosternError) => void;
  children: ReactNode;
}

/** Keeps the open queries while one moves between pages; signing out cancels them. */
export function DesksProvider({ postern, onFailure, children }: Props) {
  const [desks] = useState(() => new Desks(postern, onFailure));
  useEffect(() => () => desks.cancelAll(), [desks]);
  return <DesksContext value={desks}>{children}</DesksContext>;
}

export function useDesks(): Desks {
  const desks = useContext(DesksContext);
  if (desks === null) throw new Error("useDesks is for signed-in pages");
  return desks;
}
