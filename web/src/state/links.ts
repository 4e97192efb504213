/** Links to what is open: the content's hash and the options, in the address behind the tab. */

import { effect } from "@preact/signals";
import { keep, kept } from "./kept-clips";
import type { Opener } from "./opening";
import { fromQuery, toQuery, type Options } from "./options";
import type { OpenedClip, Store } from "./store";

const TAB = "clip";
const NOT_HERE =
  "This link leads to a clip that is not in this browser: keypoints stay where they were opened. Open the file again, and it is lifted as the link says.";

interface Link {
  hash: string;
  options: Options;
}

/** Open what the address links to, else the first clip; from then on the address links to what is open. */
export async function followLinks(store: Store, opener: Opener): Promise<void> {
  const hashOf = new WeakMap<OpenedClip, string | null>();
  let wanted: Link | null = null;
  const follow = async (otherwise: () => Promise<void>): Promise<void> => {
    wanted = linked();
    const found = wanted && (await kept(wanted.hash).catch(() => null));
    if (wanted && found) {
      const { options } = wanted;
      wanted = null;
      return opener.openKept(found, options);
    }
    await otherwise();
    if (wanted) store.notice.value = { text: NOT_HERE, remedy: null };
  };
  const tell = async (clip: OpenedClip, options: Options): Promise<void> => {
    if (!hashOf.has(clip)) hashOf.set(clip, await keep(clip.title, clip.request).catch(() => null));
    const hash = hashOf.get(clip);
    if (!hash || store.clip.peek() !== clip || store.options.peek() !== options) return;
    if (wanted?.hash === hash) {
      const link = wanted;
      wanted = store.notice.value = null;
      return opener.liftAgain(link.options);
    }
    if (!wanted) show({ hash, options });
  };
  await follow(() => opener.openFirst());
  effect(() => {
    const [clip, options] = [store.clip.value, store.options.value];
    if (clip) void tell(clip, options);
  });
  addEventListener("hashchange", () => {
    const clip = store.clip.peek();
    if (linked()) void follow(async () => undefined);
    else if (clip) void tell(clip, store.options.peek());
  });
}

function linked(): Link | null {
  const [tab, rest = ""] = location.hash.slice(1).split("/");
  const [hash, query = ""] = rest.split("?");
  return tab === TAB && hash && /^[0-9a-f]{64}$/.test(hash) ? { hash, options: fromQuery(query) } : null;
}

/** The address of another tab is left alone. */
function show({ hash, options }: Link): void {
  const tab = location.hash.slice(1).split("/")[0];
  if (tab && tab !== TAB) return;
  const query = toQuery(options);
  history.replaceState(null, "", `#${TAB}/${hash}${query && `?${query}`}`);
}
