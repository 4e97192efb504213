/** The page's head: tabs, opening files, theme, help. */

import type { Signal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Icon, IconButton } from "../controls/icons";
import { rememberTheme } from "../state/preferences";
import type { Store } from "../state/store";
import { usePage } from "../state/store-context";
import iconUrl from "../icon/poselift.svg?no-inline";
import { TABS } from "./tabs";

export function Head({ open }: { open: Signal<string> }) {
  const { store } = usePage();
  return (
    <header class="head">
      <h1>
        <img src={iconUrl} alt="" width="28" height="28" /> poselift
      </h1>
      {TABS.length > 1 && <TabList open={open} />}
      <p class="title">{store.clip.value?.title}</p>
      <OpenButton />
      <IconButton
        icon={store.theme.value === "dark" ? "sun" : "moon"}
        label={store.theme.value === "dark" ? "Light theme" : "Dark theme"}
        onClick={() => switchTheme(store)}
      />
      <IconButton icon="help" label="Help" shortcut="?" onClick={() => void (store.showsHelp.value = true)} />
      <a class="api" href="./docs">
        API
      </a>
    </header>
  );
}

function TabList({ open }: { open: Signal<string> }) {
  return (
    <nav class="tabs" aria-label="Tabs">
      {TABS.map(({ id, label }) => (
        <a key={id} href={`#${id}`} aria-current={open.value === id ? "page" : undefined}>
          {label}
        </a>
      ))}
    </nav>
  );
}

function OpenButton() {
  const { opener } = usePage();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" class="primary open" onClick={() => input.current!.click()}>
        <Icon name="open" /> Open file
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Files with keypoints"
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          event.currentTarget.value = "";
          void opener.openFiles(files);
        }}
      />
    </>
  );
}

function switchTheme({ theme }: Store): void {
  theme.value = theme.value === "dark" ? "light" : "dark";
  rememberTheme(theme.value);
}
