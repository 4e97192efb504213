/** Keeps a 3D scene as a live stream goes. */

import { effect, type ReadonlySignal } from "@preact/signals";
import { turnByKey } from "../clip/clip-scene";
import { Labels } from "../clip/labels";
import type { RunningScene } from "../controls/scene-frame";
import { personColour } from "../scene/colours";
import { drawing, NEVER_RESTS } from "../scene/drawing";
import { PoseScene, type ShownPerson } from "../scene/pose-scene";
import type { Theme } from "../state/store";
import type { Live } from "./live";

export interface LiveSceneOptions {
  live: Live;
  theme: ReadonlySignal<Theme>;
  /** Rises when the view is to be set back. */
  viewResets: ReadonlySignal<number>;
  follows: ReadonlySignal<boolean>;
}

const ABOVE_HEAD_M = 0.24;
const NEAREST_RADIUS_M = 0.8;
/** The view follows people as if on a spring that needs so long. */
const FOLLOWING_S = 0.6;
/** Nearer than this it is left alone, so that nothing is drawn while nothing moves. */
const NEAR_ENOUGH_M = 0.03;

/** Show the people of a stream from now on, until it is stopped. */
export function runLiveScene(canvas: HTMLCanvasElement, overlay: HTMLElement, options: LiveSceneOptions): RunningScene {
  const { live, theme, viewResets, follows } = options;
  const scene = new PoseScene(canvas);
  const labels = new Labels(overlay);
  const people = (): readonly ShownPerson[] => live.shown.peek()?.people ?? [];
  let isFramed = false;
  const setBack = (): void => {
    isFramed = people().length > 0;
    scene.resize(false);
    scene.frame(extentOf(people()));
  };
  const before = (elapsed_s: number): void => {
    if (follows.peek() && people().length > 0) follow(scene, people(), Math.min(1, elapsed_s / FOLLOWING_S));
  };
  const after = (): void => {
    live.drawn(performance.now());
    labels.place(people().map((person) => label(scene, live, person)));
  };
  const pictures = drawing(scene, canvas, before, after, NEVER_RESTS);
  const stops = [
    () => scene.setTheme(theme.value),
    () => live.skeleton.value && scene.setSkeleton(live.skeleton.value),
    () => (viewResets.value, setBack()),
    () => {
      const shown = live.shown.value;
      if (!shown) isFramed = false;
      scene.showPeople(shown?.people ?? []);
      canvas.dataset["people"] = String(people().length); // tests read it
      scene.showTrails(shown ? live.people.shownTrails() : []);
      if (shown && !isFramed) setBack();
    },
  ].map((work) => effect(() => (work(), pictures.stale())));
  return {
    key: (event) => turnByKey(scene, event),
    zoom: (times) => scene.zoom(times),
    stop: () => {
      pictures.stop();
      stops.forEach((stop) => stop());
      scene.dispose();
    },
  };
}

function middleOf(people: readonly ShownPerson[], axis: 0 | 2): number {
  return people.reduce((sum, { joints }) => sum + joints[axis]!, 0) / people.length;
}

function extentOf(people: readonly ShownPerson[]): { x: number; z: number; radius: number } {
  if (people.length === 0) return { x: 0, z: 0, radius: NEAREST_RADIUS_M };
  const [x, z] = [middleOf(people, 0), middleOf(people, 2)];
  const distances = people.map(({ joints }) => Math.hypot(joints[0]! - x, joints[2]! - z));
  return { x, z, radius: Math.max(NEAREST_RADIUS_M, ...distances) };
}

function follow(scene: PoseScene, people: readonly ShownPerson[], share: number): void {
  const { target } = scene.controls;
  const [x, z] = [middleOf(people, 0) - target.x, middleOf(people, 2) - target.z];
  if (Math.hypot(x, z) > NEAR_ENOUGH_M) scene.follow(target.x + x * share, target.z + z * share);
}

function label(scene: PoseScene, live: Live, { joints, index }: ShownPerson) {
  if ((live.shown.peek()?.people.length ?? 0) < 2) return null;
  let top = 0;
  for (let i = 0; i < joints.length; i += 3) if (joints[i + 1]! > joints[top + 1]!) top = i;
  const at = scene.project(joints[0]!, joints[top + 1]! + ABOVE_HEAD_M, joints[2]!);
  return at && { ...at, text: live.people.idOf(index), colour: personColour(index) };
}
