/** Playing, and going to a frame. */

import { seekFrame, stepFrames, togglePlaying } from "../state/playback";
import { usePage } from "../state/store-context";

export function Timeline() {
  const { store } = usePage();
  const { timing, frame, isPlaying } = store;
  if (!timing.value) return null;
  return (
    <div class="timeline">
      <button type="button" onClick={() => togglePlaying(store)}>{isPlaying.value ? "Pause" : "Play"}</button>
      <button type="button" aria-label="One frame back" onClick={() => stepFrames(store, -1)}>‹</button>
      <button type="button" aria-label="One frame on" onClick={() => stepFrames(store, 1)}>›</button>
      <input
        type="range"
        aria-label="Frame"
        min={timing.value.first}
        max={timing.value.last}
        value={frame.value}
        onInput={(event) => seekFrame(store, Number(event.currentTarget.value))}
      />
      <output>{frame.value}</output>
    </div>
  );
}
