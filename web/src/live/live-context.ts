/** Gives the live tab's components its stream. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Live } from "./live";

const LiveContext = createContext<Live | null>(null);

export const LiveProvider = LiveContext.Provider;

/** The stream that the tab shows. */
export function useLive(): Live {
  const live = useContext(LiveContext);
  if (!live) throw new Error("there is no LiveProvider around this component");
  return live;
}
