/** Starts the page. */

import { render } from "preact";
import { App } from "./shell/app";
import { BUNDLED_CLIPS, openBundled } from "./state/opening";
import { Service } from "./state/service";
import { createStore } from "./state/store";
import { PageProvider } from "./state/store-context";
import "./styles/page.css";

const media = (query: string): boolean => matchMedia(query).matches;
const store = createStore(media("(prefers-color-scheme: dark)") ? "dark" : "light");
const service = new Service(new URL(".", location.href).href);
store.isPlaying.value = !media("(prefers-reduced-motion: reduce)");
render(
  <PageProvider value={{ store, service }}>
    <App />
  </PageProvider>,
  document.getElementById("page")!,
);
void openBundled(store, service, BUNDLED_CLIPS[0]!);
