/** Starts the page. */

import { render } from "preact";
import { Live } from "./live/live";
import { LiveProvider } from "./live/live-context";
import { App } from "./shell/app";
import { followLinks } from "./state/links";
import { Opener } from "./state/opening";
import { preferredTheme, prefersStillness } from "./state/preferences";
import { askForKey } from "./state/questions";
import { Service } from "./state/service";
import { createStore } from "./state/store";
import { PageProvider } from "./state/store-context";
import "./styles/theme.css";
import "./styles/controls.css";
import "./styles/layout.css";
import "./styles/panels.css";
import "./styles/live.css";

const store = createStore(preferredTheme());
const service = new Service(new URL(".", location.href).href, (wasRefused) => askForKey(store, wasRefused));
const opener = new Opener(store, service);
store.isPlaying.value = !prefersStillness();
document.documentElement.dataset["theme"] = store.theme.value;
const place = document.getElementById("page")!;
place.replaceChildren();
render(
  <PageProvider value={{ store, service, opener }}>
    <LiveProvider value={new Live(service, store.clip)}>
      <App />
    </LiveProvider>
  </PageProvider>,
  place,
);
void followLinks(store, opener);
