/** The 3D view of what is open. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { IconButton } from "../controls/icons";
import { jointsAt } from "../motion/motion";
import { seekFrame } from "../state/playback";
import { toggleRuler } from "../state/shortcuts";
import { usePage } from "../state/store-context";
import { JointTip } from "./joint-tip";
import { runClipScene, type ClipScene } from "./clip-scene";

export function SceneView() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const labels = useRef<HTMLDivElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const scene = useRef<ClipScene | null>(null);
  const failure = useSignal<string | null>(null);
  const { store } = usePage();
  useEffect(() => {
    try {
      scene.current = runClipScene(canvas.current!, { labels: labels.current!, tip: tip.current! }, store);
    } catch (error) {
      failure.value = String(error);
    }
    return () => scene.current?.stop();
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
      {failure.value !== null && (
        <p class="no-scene">This browser shows no 3D: WebGL 2 is missing or switched off. Keypoints, joints and plots are here all the same.</p>
      )}
      <div ref={labels} class="labels" aria-hidden="true" />
      <div ref={tip} class="tip" hidden>
        <JointTip />
      </div>
      <SceneTools zoom={(times) => scene.current?.zoom(times)} />
      <SideLegend />
      <EmptyFrame />
    </section>
  );
}

function SceneTools({ zoom }: { zoom(times: number): void }) {
  const { store } = usePage();
  const { followsPeople, showsExpectedErrors, tool, viewResets } = store;
  const toggle = (flag: typeof followsPeople): void => void (flag.value = !flag.value);
  return (
    <div class="tools" role="group" aria-label="3D view">
      <IconButton icon="reset" label="Set the view back" shortcut="0" onClick={() => void viewResets.value++} />
      <IconButton icon="closer" label="Zoom in" onClick={() => zoom(1.25)} />
      <IconButton icon="farther" label="Zoom out" onClick={() => zoom(0.8)} />
      <IconButton icon="target" label="Follow people" shortcut="F" pressed={followsPeople.value} onClick={() => toggle(followsPeople)} />
      <IconButton
        icon="errors"
        label="Show expected errors"
        shortcut="E"
        pressed={showsExpectedErrors.value}
        onClick={() => toggle(showsExpectedErrors)}
      />
      <IconButton icon="ruler" label="Ruler" shortcut="R" pressed={tool.value === "ruler"} onClick={() => toggleRuler(store)} />
    </div>
  );
}

/** In a frame without people: the next one with some may be far away. */
function EmptyFrame() {
  const { store } = usePage();
  const [motion, frame] = [store.motion.value, store.frame.value];
  if (!motion || motion.people.some((person) => jointsAt(person, frame))) return null;
  const begins = motion.people.map(({ firstFrame }) => firstFrame).sort((a, b) => a - b);
  const next = begins.find((begin) => begin > frame) ?? begins[0] ?? 0;
  return (
    <p class="empty-frame">
      No people in this frame.{" "}
      <button type="button" class="link" onClick={() => seekFrame(store, next)}>
        Go to frame {next}
      </button>
    </p>
  );
}

/** Which colour is which side. */
export function SideLegend() {
  return (
    <p class="side-legend">
      <span class="swatch left" /> left
      <span class="swatch right" /> right
    </p>
  );
}
