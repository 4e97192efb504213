/** The page: its head, the tab that is open, and what comes in front. */

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { shortcutOf } from "../state/shortcuts";
import { usePage } from "../state/store-context";
import { DropTarget } from "./drop-target";
import { FileDialog } from "./file-dialog";
import { Head } from "./head";
import { HelpDialog } from "./help-dialog";
import { KeyDialog } from "./key-dialog";
import { Messages } from "./messages";
import { TABS } from "./tabs";

export function App() {
  const { store } = usePage();
  const open = useSignal(tabInAddress());
  const tab = useComputed(() => TABS.find(({ id }) => id === open.value)!);
  useEffect(() => {
    const turn = (): void => void (open.value = tabInAddress());
    const press = (event: KeyboardEvent): void => {
      const shortcut = shortcutOf(event);
      if (!shortcut || !(shortcut.isEverywhere || tab.value.showsClip)) return;
      event.preventDefault();
      shortcut.run(store, event.key);
    };
    addEventListener("hashchange", turn);
    addEventListener("keydown", press);
    return () => (removeEventListener("hashchange", turn), removeEventListener("keydown", press));
  }, []);
  useSignalEffect(() => void (document.documentElement.dataset["theme"] = store.theme.value));
  useSignalEffect(() => void (document.title = store.clip.value ? `${store.clip.value.title} – poselift` : "poselift"));
  const Open = tab.value.component;
  return (
    <>
      <Head open={open} />
      <main>
        <Open />
        <Messages showsNotice={tab.value.showsClip} />
      </main>
      <DropTarget />
      <KeyDialog />
      <FileDialog />
      <HelpDialog />
    </>
  );
}

/** The tab that the address names, else the first; what follows a slash is the tab's own. */
function tabInAddress(): string {
  const named = location.hash.slice(1).split("/")[0];
  return TABS.find(({ id }) => id === named)?.id ?? TABS[0]!.id;
}
