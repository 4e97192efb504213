/** What is open, and the clips that come with the page. */

import { BUNDLED_CLIPS } from "../state/bundled";
import { usePage } from "../state/store-context";
import { Panel } from "./panel";

export function ClipsPanel() {
  const { store, opener } = usePage();
  const clip = store.clip.value;
  return (
    <Panel title="Clip">
      {clip && <Facts />}
      {clip && clip.notes.length > 0 && (
        <ul class="notes">
          {clip.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      {clip?.file && (
        <button type="button" class="link" onClick={() => void opener.reread(clip)}>
          Change image size, frame rate or format…
        </button>
      )}
      <p class="hint">Drop your own anywhere on the page: keypoints of any detector, a video, or both together. Or look at an example:</p>
      <div class="chips">
        {BUNDLED_CLIPS.map((each) => (
          <button
            key={each.title}
            type="button"
            class="chip"
            aria-pressed={clip?.title === each.title}
            title={each.about}
            onClick={() => void opener.openBundled(each)}
          >
            {each.title}
          </button>
        ))}
      </div>
    </Panel>
  );
}

function Facts() {
  const { store } = usePage();
  const { request } = store.clip.value!;
  const { first, last } = store.timing.value!;
  const [width, height] = request.image_size;
  const facts: [string, string][] = [
    ["Keypoints", request.keypoint_format ?? "coco17"],
    ["Image", `${width} × ${height}`],
    ["Frames", `${last - first + 1}${request.fps ? ` at ${request.fps} fps` : ""}`],
    ["Model", store.answers.value[0]?.response.model.name ?? ""],
  ];
  return (
    <dl class="facts">
      {facts.map(([term, fact]) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>{fact}</dd>
        </div>
      ))}
    </dl>
  );
}
