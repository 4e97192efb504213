/** A clip: its keypoints, its people in 3D, its timeline. */

import { KeypointsView } from "./keypoints-view";
import { SceneView } from "./scene-view";
import { Timeline } from "./timeline";

export function ClipTab() {
  return (
    <div class="clip-tab">
      <div class="views">
        <KeypointsView />
        <SceneView />
      </div>
      <Timeline />
    </div>
  );
}
