/** Starting, stopping, recording, and how it goes. */

import { Icon } from "../controls/icons";
import { usePage } from "../state/store-context";
import type { Live } from "./live";
import { useLive } from "./live-context";
import { obstacle } from "./settings";

export function LiveBar() {
  const live = useLive();
  const { store } = usePage();
  const isIdle = live.state.value === "idle";
  const hindrance = isIdle ? obstacle(live.settings, store.clip.value) : null;
  return (
    <div class="timeline live-bar">
      <button
        type="button"
        class={isIdle ? "primary" : ""}
        disabled={hindrance !== null}
        onClick={() => void (isIdle ? live.start() : live.stop())}
      >
        <Icon name={isIdle ? "play" : "stop"} /> {isIdle ? "Start" : "Stop"}
      </button>
      <button
        type="button"
        class="record"
        aria-pressed={live.isRecording.value}
        disabled={live.source.value === null}
        onClick={() => live.toggleRecording()}
      >
        <Icon name="record" /> {live.isRecording.value ? `Recording, ${live.recordedCount.value} frames` : "Record"}
      </button>
      <p class={`live-state ${live.state.value}`} role="status">
        {hindrance ?? stateWords(live)}
      </p>
      {!isIdle && <Figures />}
    </div>
  );
}

function Figures() {
  const live = useLive();
  const { isDurable, sentCount, skippedCount } = live;
  return (
    <p class="live-figures">
      <span data-sent={sentCount.value}>{sentCount.value} frames</span>
      {skippedCount.value > 0 && <span title="Pictures that came while the detector was busy, or frames enough were on their way">{skippedCount.value} skipped</span>}
      {isDurable.value !== null && (
        <span class={isDurable.value ? "durable" : "not-durable"} title={isDurable.value ? DURABLE : NOT_DURABLE}>
          {isDurable.value ? "durable" : "not durable"}
        </span>
      )}
    </p>
  );
}

const DURABLE = "The session store has every frame: the session outlives the server";
const NOT_DURABLE = "The session store is away: poses would be lost with the server";

function stateWords({ state, source, opened, messages }: Live): string {
  switch (state.value) {
    case "opening":
      return source.value ? "Connecting…" : "Opening…";
    case "running":
      return `Live: ${source.value?.title ?? ""}, lifted by ${opened.value?.model.name ?? ""}`;
    case "waiting":
      return "The server is away: connecting again…";
    case "idle": {
      const [latest] = messages.list.value;
      return latest?.gravity === "problem" ? latest.text : opened.value ? "Stopped" : "Choose a source, then start.";
    }
  }
}
