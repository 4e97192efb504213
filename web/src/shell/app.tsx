/** The page: its head and the tab that is open. */

import { useSignal } from "@preact/signals";
import { usePage } from "../state/store-context";
import { TABS } from "./tabs";

export function App() {
  const open = useSignal(TABS[0]!.id);
  const { store } = usePage();
  const Open = TABS.find(({ id }) => id === open.value)!.component;
  return (
    <>
      <header>
        <h1>poselift</h1>
        <a href="./docs">API</a>
      </header>
      <main>
        <p role="status">{store.busy.value ?? store.problem.value}</p>
        <Open />
      </main>
    </>
  );
}
