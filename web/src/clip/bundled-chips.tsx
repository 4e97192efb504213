/** The clips that come with the page, to choose from. */

import { BUNDLED_CLIPS } from "../state/bundled";
import { usePage } from "../state/store-context";

export function BundledChips() {
  const { store, opener } = usePage();
  return (
    <div class="chips">
      {BUNDLED_CLIPS.map((each) => (
        <button
          key={each.title}
          type="button"
          class="chip"
          aria-pressed={store.clip.value?.title === each.title}
          title={each.about}
          onClick={() => void opener.openBundled(each)}
        >
          {each.title}
        </button>
      ))}
    </div>
  );
}
