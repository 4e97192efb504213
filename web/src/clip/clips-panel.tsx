/** What is open, and the clips that come with the page. */

import type { OpenedClip } from "../state/store";
import { usePage } from "../state/store-context";
import { BundledChips } from "./bundled-chips";
import { Panel } from "./panel";

const PEOPLE_IN_VIDEOS = [1, 2, 3, 4, 5, 6];

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
      {clip?.video && <PeopleToFind video={clip.video} />}
      <p class="hint">Drop your own anywhere on the page: keypoints of any detector, a video, or both together. Or look at an example:</p>
      <BundledChips />
    </Panel>
  );
}

/** Detectors look for one person or for a few, and follow fewer better. */
function PeopleToFind({ video: { file, people } }: { video: NonNullable<OpenedClip["video"]> }) {
  const { opener } = usePage();
  return (
    <label class="field">
      People to look for in the video
      <select value={people ?? ""} onChange={({ currentTarget: { value } }) => void opener.openVideo(file, Number(value) || undefined)}>
        <option value="">as many as the detector usually does</option>
        {PEOPLE_IN_VIDEOS.map((count) => (
          <option key={count}>{count}</option>
        ))}
      </select>
    </label>
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
