/** Playing, going to a frame, and where in time joints are missing. */

import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Icon, IconButton } from "../controls/icons";
import { seekFrame, stepFrames, togglePlaying } from "../state/playback";
import { SPEEDS } from "../state/shortcuts";
import { usePage } from "../state/store-context";
import { drawStrip } from "./timeline-strip";

export function Timeline() {
  const { store } = usePage();
  const { isPlaying, loops } = store;
  return (
    <section class="timeline" aria-label="Timeline">
      <div class="transport">
        <IconButton icon="previous" label="Previous frame" shortcut="←" onClick={() => stepFrames(store, -1)} />
        <button type="button" class="play" onClick={() => togglePlaying(store)} aria-label={isPlaying.value ? "Pause" : "Play"} title="Space">
          <Icon name={isPlaying.value ? "pause" : "play"} />
        </button>
        <IconButton icon="next" label="Next frame" shortcut="→" onClick={() => stepFrames(store, 1)} />
        <IconButton icon="loop" label="Loop" shortcut="L" pressed={loops.value} onClick={() => void (loops.value = !loops.value)} />
      </div>
      <Scrubber />
      <Clock />
      <Speed />
    </section>
  );
}

function Scrubber() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { store } = usePage();
  const { timing, frame } = store;
  useEffect(() => {
    const observer = new ResizeObserver(() => drawStrip(canvas.current!, store));
    observer.observe(canvas.current!);
    const stop = effect(() => drawStrip(canvas.current!, store));
    return () => (observer.disconnect(), stop());
  }, []);
  return (
    <div class="scrubber">
      <canvas ref={canvas} aria-hidden="true" />
      <input
        type="range"
        aria-label="Frame"
        min={timing.value?.first ?? 0}
        max={timing.value?.last ?? 0}
        value={frame.value}
        disabled={timing.value === null}
        onInput={(event) => seekFrame(store, Number(event.currentTarget.value))}
      />
    </div>
  );
}

function Clock() {
  const { store } = usePage();
  const { timing, frame, time, duration } = store;
  return (
    <p class="clock">
      <span>
        {time.value.toFixed(2)} <small>/ {duration.value.toFixed(2)} s</small>
      </span>
      <small>
        frame {frame.value} of {timing.value?.last ?? 0}
      </small>
    </p>
  );
}

function Speed() {
  const { speed } = usePage().store;
  return (
    <label class="speed" title="[ and ]">
      <span class="hidden-label">Speed</span>
      <select value={String(speed.value)} onChange={(event) => void (speed.value = Number(event.currentTarget.value))}>
        {SPEEDS.map((each) => (
          <option key={each} value={String(each)}>
            {each}×
          </option>
        ))}
      </select>
    </label>
  );
}
