/** The people of the stream in 3D. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { SideLegend } from "../clip/scene-view";
import { IconButton } from "../controls/icons";
import { usePage } from "../state/store-context";
import { prefersStillness } from "../state/preferences";
import { useLive } from "./live-context";
import { runLiveScene, type LiveScene } from "./live-scene";

export function LiveSceneView() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const labels = useRef<HTMLDivElement>(null);
  const scene = useRef<LiveScene | null>(null);
  const follows = useSignal(!prefersStillness());
  const live = useLive();
  const { store } = usePage();
  useEffect(() => {
    scene.current = runLiveScene(canvas.current!, labels.current!, { live, theme: store.theme, viewResets: store.viewResets, follows });
    return scene.current.stop;
  }, []);
  return (
    <section class="view scene-view" aria-label="3D view">
      <canvas
        ref={canvas}
        class="scene"
        tabIndex={0}
        role="img"
        aria-label="People in 3D. Arrow keys turn the view, plus and minus zoom."
        onKeyDown={(event) => scene.current?.key(event)}
      />
      <div ref={labels} class="labels" aria-hidden="true" />
      <div class="tools" role="toolbar" aria-label="3D view" aria-orientation="vertical">
        <IconButton icon="reset" label="Set the view back" shortcut="0" onClick={() => void store.viewResets.value++} />
        <IconButton icon="closer" label="Zoom in" onClick={() => scene.current?.zoom(1.25)} />
        <IconButton icon="farther" label="Zoom out" onClick={() => scene.current?.zoom(0.8)} />
        <IconButton icon="target" label="Follow people" pressed={follows.value} onClick={() => void (follows.value = !follows.value)} />
      </div>
      <SideLegend />
    </section>
  );
}
