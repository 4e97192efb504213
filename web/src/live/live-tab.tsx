/** Live: a picture with its keypoints, the people in 3D as they move, and what becomes of their frames. */

import { useEffect } from "preact/hooks";
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
  useEffect(() => () => void live.stop(), []);
  return (
    <div class="live-tab">
      <div class="views">
        <LivePicture />
        <LiveSceneView />
      </div>
      <LiveBar />
      <aside class="panels" aria-label="About the stream">
        <SourcePanel />
        <MessagesPanel />
        <LatencyPanel />
        <RecordingPanel />
      </aside>
    </div>
  );
}
