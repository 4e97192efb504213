/** The 3D view of what is open. */

import { useRef } from "preact/hooks";
import { IconButton } from "../controls/icons";
import { SceneFrame } from "../controls/scene-frame";
import { jointsAt } from "../motion/motion";
import { seekFrame } from "../state/playback";
import { toggleRuler } from "../state/shortcuts";
import { usePage } from "../state/store-context";
import { JointTip } from "./joint-tip";
import { runClipScene } from "./clip-scene";

export function SceneView() {
  const tip = useRef<HTMLDivElement>(null);
  const { store } = usePage();
  return (
    <SceneFrame
      run={(canvas, labels) => runClipScene(canvas, { labels, tip: tip.current! }, store)}
      viewResets={store.viewResets}
      follows={store.followsPeople}
      followShortcut="F"
      withoutScene="Keypoints, joints and plots are here all the same."
      moreTools={<ClipTools />}
    >
      <div ref={tip} class="tip" hidden>
        <JointTip />
      </div>
      <EmptyFrame />
    </SceneFrame>
  );
}

function ClipTools() {
  const { store } = usePage();
  const { showsExpectedErrors, tool } = store;
  const toggleErrors = (): void => void (showsExpectedErrors.value = !showsExpectedErrors.value);
  return (
    <>
      <IconButton icon="errors" label="Show expected errors" shortcut="E" pressed={showsExpectedErrors.value} onClick={toggleErrors} />
      <IconButton icon="ruler" label="Ruler" shortcut="R" pressed={tool.value === "ruler"} onClick={() => toggleRuler(store)} />
    </>
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
