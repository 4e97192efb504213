/** Live: a picture with its keypoints, the people in 3D as they move, and what becomes of their frames. */

import { useEffect } from "preact/hooks";
import { shapeOf } from "../clip/clip-tab";
import { usePage } from "../state/store-context";
import { LatencyPanel } from "./latency-panel";
import { LiveBar } from "./live-bar";
import { useLive } from "./live-context";
import { LivePicture } from "./live-picture";
import { LiveSceneView } from "./live-scene-view";
import { MessagesPanel } from "./messages-panel";
import { RecordingPanel } from "./recording-panel";
import { SourcePanel } from "./source-panel";

export function LiveTab() {
  const live = useLive();
  const { clip } = usePage().store;
  const chosen = live.settings.kind.value === "clip" ? clip.value?.request.image_size : undefined;
  const size = live.source.value?.options.image_size ?? chosen;
  useEffect(() => () => void live.stop(), []);
  return (
    <div class="live-tab">
      <div class={`views ${shapeOf(size ?? [16, 9])}`}>
        <LivePicture />
        <LiveSceneView />
      </div>
      <LiveBar />
      <aside class="panels" aria-label="About the stream">
        <SourcePanel />
        <RecordingPanel />
        <MessagesPanel />
        <LatencyPanel />
      </aside>
    </div>
  );
}
