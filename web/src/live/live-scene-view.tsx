/** The people of the stream in 3D. */

import { useSignal } from "@preact/signals";
import { SceneFrame } from "../controls/scene-frame";
import { prefersStillness } from "../state/preferences";
import { usePage } from "../state/store-context";
import { useLive } from "./live-context";
import { runLiveScene } from "./live-scene";

export function LiveSceneView() {
  const follows = useSignal(!prefersStillness());
  const live = useLive();
  const { theme, viewResets } = usePage().store;
  return (
    <SceneFrame
      run={(canvas, labels) => runLiveScene(canvas, labels, { live, theme, viewResets, follows })}
      viewResets={viewResets}
      follows={follows}
      withoutScene="The picture, latencies and recordings are here all the same."
    />
  );
}
