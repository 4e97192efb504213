/** The 3D view of what is open. */

import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Vector3 } from "three";
import { jointsAt, type Motion } from "../motion/motion";
import { personColour } from "../scene/colours";
import { PoseScene, type ShownPerson } from "../scene/pose-scene";
import { advance } from "../state/playback";
import type { Store } from "../state/store";
import { usePage } from "../state/store-context";

export function SceneView() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { store } = usePage();
  useEffect(() => run(canvas.current!, store), []);
  return <canvas ref={canvas} class="scene" tabIndex={0} role="img" aria-label="3D view of the lifted people" />;
}

/** Draw until the component goes: a picture whenever something changed. */
function run(canvas: HTMLCanvasElement, store: Store): () => void {
  const scene = new PoseScene(canvas);
  let isStale = true;
  const stale = (): void => void (isStale = true);
  const stops = [
    effect(() => (scene.setTheme(store.theme.value), stale())),
    effect(() => (showMotion(scene, store), stale())),
    effect(() => (scene.showPeople(shownPeople(store)), stale())),
  ];
  scene.controls.addEventListener("change", stale);
  let pending = 0;
  let last = performance.now();
  let drawn = 0;
  const tick = (now: number): void => {
    pending = requestAnimationFrame(tick);
    advance(store, Math.min(0.25, (now - last) / 1000));
    last = now;
    if (!scene.resize() && !isStale) return;
    isStale = false;
    scene.render();
    canvas.dataset["drawn"] = String(++drawn);
    canvas.dataset["drawCalls"] = String(scene.drawCalls);
  };
  pending = requestAnimationFrame(tick);
  return () => {
    cancelAnimationFrame(pending);
    stops.forEach((stop) => stop());
    scene.dispose();
  };
}

function showMotion(scene: PoseScene, store: Store): void {
  const motion = store.answers.value[0]?.motion;
  if (!motion) return;
  scene.setSkeleton(motion.skeleton);
  scene.showTrails(motion.people.map((_, index) => ({ points: roots(motion, index), colour: personColour(index) })));
  const { centre, radius } = extentOf(motion);
  scene.frame(centre, radius);
}

function roots(motion: Motion, index: number): Float32Array {
  const { joints, frameCount } = motion.people[index]!;
  const width = motion.skeleton.joints.length * 3;
  const points = new Float32Array(frameCount * 3);
  for (let frame = 0; frame < frameCount; frame++) points.set(joints.subarray(frame * width, frame * width + 3), frame * 3);
  return points;
}

function shownPeople(store: Store): ShownPerson[] {
  const [answer] = store.answers.value;
  const frame = store.frame.value;
  return (answer?.motion.people ?? []).flatMap((person, colourIndex) => {
    const joints = store.hiddenPeople.value.has(colourIndex) ? null : jointsAt(person, frame);
    return joints ? [{ joints, colourIndex }] : [];
  });
}

function extentOf(motion: Motion): { centre: Vector3; radius: number } {
  const low = new Vector3(Infinity, Infinity, Infinity);
  const high = low.clone().negate();
  for (const { joints } of motion.people) {
    for (let i = 0; i < joints.length; i += 3) {
      if (Number.isNaN(joints[i])) continue;
      const point = new Vector3(joints[i], joints[i + 1], joints[i + 2]);
      low.min(point);
      high.max(point);
    }
  }
  if (low.x > high.x) return { centre: new Vector3(0, 0.9, 0), radius: 1.2 };
  return { centre: low.clone().add(high).multiplyScalar(0.5), radius: high.distanceTo(low) / 2 };
}
