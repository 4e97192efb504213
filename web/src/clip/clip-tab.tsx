/** A clip: its keypoints, its people in 3D, its timeline, and panels that tell more. */

import { usePage } from "../state/store-context";
import { KeypointsView } from "./keypoints-view";
import { PANELS } from "./panels";
import { SceneView } from "./scene-view";
import { Timeline } from "./timeline";

const VERY_WIDE = 2.4;

export function ClipTab() {
  const { store } = usePage();
  return (
    <div class="clip-tab">
      <div class={`views ${shapeOf(store.clip.value?.request.image_size ?? [16, 9])}`}>
        <KeypointsView />
        <SceneView />
      </div>
      <Timeline />
      <aside class="panels" aria-label="About the clip">
        {PANELS.map((Each, index) => (
          <Each key={index} />
        ))}
      </aside>
    </div>
  );
}

/** Narrow images get a narrow column, very wide ones a row of their own. */
export function shapeOf([width, height]: readonly [number, number]): string {
  const ratio = width / height;
  if (ratio < 1) return "upright";
  return ratio > VERY_WIDE ? "wide" : "";
}
