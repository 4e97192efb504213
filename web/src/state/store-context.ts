/** The store, for components. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Opener } from "./opening";
import type { Service } from "./service";
import type { Store } from "./store";

/** What components are given. */
export interface Page {
  store: Store;
  service: Service;
  opener: Opener;
}

const PageContext = createContext<Page | null>(null);

export const PageProvider = PageContext.Provider;

/** The page's store, service and opener. */
export function usePage(): Page {
  const page = useContext(PageContext);
  if (!page) throw new Error("there is no PageProvider around this component");
  return page;
}
