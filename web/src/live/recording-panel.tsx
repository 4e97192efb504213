/** What was recorded, and saving it. */

import { Panel } from "../clip/panel";
import { OUTPUT_FORMATS } from "../state/output-formats";
import { usePage } from "../state/store-context";
import { exportRecording, saveRecording } from "./export";
import { useLive } from "./live-context";
import type { Recording } from "./recording";

export function RecordingPanel() {
  const { recording, recordedCount, isRecording, skeleton } = useLive();
  const page = usePage();
  const kept = recording.value;
  if (!kept || recordedCount.value === 0) return null;
  return (
    <Panel title="Recording" aside={`${recordedCount.value} frames`}>
      <p class="hint">{isRecording.value ? "It can be saved once it has ended." : about(kept)}</p>
      <fieldset class="recording" disabled={isRecording.value}>
        <div class="exports">
          {OUTPUT_FORMATS.map((format) => (
            <button key={format.ending} type="button" title={format.about} onClick={() => void exportRecording(kept, format, page)}>
              {format.ending.slice(1).toUpperCase()}
            </button>
          ))}
          <button type="button" title="Keypoints and live poses, all people" onClick={() => saveRecording(kept, skeleton.value)}>
            JSON
          </button>
        </div>
        <button
          type="button"
          onClick={() => {
            location.hash = "clip";
            void page.opener.openKept({ title: kept.title, request: kept.request() }, {});
          }}
        >
          Open as a clip
        </button>
      </fieldset>
    </Panel>
  );
}

function about({ duration_s, title }: Recording): string {
  return `${duration_s.toFixed(1)} s of ${title}. Files and clips have its keypoints lifted once more, with all frames known: better than live.`;
}
