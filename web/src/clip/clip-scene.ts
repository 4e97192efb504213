/** Keeps a 3D scene as the store says, and tells the store what is clicked in it. */

import { effect } from "@preact/signals";
import { expectedErrorsAt, extentOf, jointsAt, type Motion } from "../motion/motion";
import { jointState, type JointState } from "../motion/joints";
import type { RunningScene } from "../controls/scene-frame";
import { isComparable } from "../motion/difference";
import { COMPARED_COLOUR, personColour } from "../scene/colours";
import { drawing } from "../scene/drawing";
import type { Mark } from "../scene/marks";
import { PoseScene, type ShownPerson } from "../scene/pose-scene";
import type { Trail } from "../scene/trails";
import { advance } from "../state/playback";
import { clickJoint, type Selection, type Store } from "../state/store";
import { jointPlace } from "./joint-reading";
import { Labels } from "./labels";

interface Overlay {
  labels: HTMLElement;
  tip: HTMLElement;
}

const ABOVE_HEAD_M = 0.24;
const TURN = 0.12;
const ZOOM = 1.15;
const CLICK_PX = 5;
const MARK_COLOURS: Readonly<Record<JointState, string>> = {
  measured: "#7d8da6",
  filled: "#d8a400",
  rejected: "#d1495b",
  never: "#8b8f98",
  unknown: "#8b8f98",
};

/** Show what is open from now on, until it is stopped. */
export function runClipScene(canvas: HTMLCanvasElement, overlay: Overlay, store: Store): RunningScene {
  const scene = new PoseScene(canvas);
  const labels = new Labels(overlay.labels);
  const after = (): void => {
    labels.place(shownPeople(store).map((shown) => label(scene, store, shown)));
    placeTip(scene, store, overlay.tip);
  };
  const pictures = drawing(scene, canvas, (elapsed_s) => advance(store, elapsed_s), after);
  let skeletonOf: Motion | null = null;
  const stops = [
    () => scene.setTheme(store.theme.value),
    () => setBack(scene, store),
    () => {
      const motion = store.motion.value;
      if (motion && motion !== skeletonOf) scene.setSkeleton((skeletonOf = motion).skeleton);
      scene.showPeople([...shownPeople(store), ...comparedPeople(store)]);
    },
    () => scene.showTrails(trails(store)),
    () => scene.showMarks(store.showsExpectedErrors.value ? errorMarks(store) : []),
    () => scene.showMeasure(measured(store).flatMap((joint) => jointPlace(store, joint) ?? [])),
    () => followPeople(scene, store),
  ].map((work) => effect(() => (work(), pictures.stale())));
  const ignore = listen(canvas, scene, store);
  return {
    key: (event) => turnByKey(scene, event),
    zoom: (times) => scene.zoom(times),
    stop: () => {
      ignore();
      pictures.stop();
      stops.forEach((stop) => stop());
      scene.dispose();
    },
  };
}

function shownPeople(store: Store): ShownPerson[] {
  const [frame, hidden] = [store.frame.value, store.hiddenPeople.value];
  return (store.motion.value?.people ?? []).flatMap((person, index) => {
    const joints = hidden.has(index) ? null : jointsAt(person, frame);
    return joints ? [{ joints, index }] : [];
  });
}

/** Those of the second answer, where they have the same joints. */
function comparedPeople(store: Store): ShownPerson[] {
  const [now, kept] = store.answers.value;
  if (!now || !kept || !isComparable(now.motion.skeleton, kept.motion.skeleton)) return [];
  const [frame, hidden] = [store.frame.value, store.hiddenPeople.value];
  return kept.motion.people.flatMap((person, index) => {
    const joints = hidden.has(index) ? null : jointsAt(person, frame);
    return joints ? [{ joints, index, tint: COMPARED_COLOUR }] : [];
  });
}

function trails(store: Store): Trail[] {
  const motion = store.motion.value;
  if (!motion) return [];
  const width = motion.skeleton.joints.length * 3;
  return motion.people.flatMap(({ joints, frameCount }, index) => {
    if (store.hiddenPeople.value.has(index)) return [];
    const points = new Float32Array(frameCount * 3);
    for (let frame = 0; frame < frameCount; frame++) points.set(joints.subarray(frame * width, frame * width + 3), frame * 3);
    return [{ points, colour: personColour(index) }];
  });
}

function errorMarks(store: Store): Mark[] {
  const [motion, frame] = [store.motion.value, store.frame.value];
  const format = store.clip.value?.request.keypoint_format;
  return shownPeople(store).flatMap(({ joints, index }) => {
    const person = motion!.people[index]!;
    const errors = expectedErrorsAt(person, frame);
    return [...(errors ?? [])].map((radius, joint) => {
      const state = jointState(person.clip, format, motion!.skeleton.joints[joint]!, frame);
      const [x, y, z] = joints.subarray(joint * 3, joint * 3 + 3) as unknown as [number, number, number];
      return { x, y, z, radius, colour: MARK_COLOURS[state] };
    });
  });
}

function measured({ tool, ruler, selection }: Store): readonly Selection[] {
  if (tool.value === "ruler") return ruler.value;
  return selection.value ? [selection.value] : [];
}

function setBack(scene: PoseScene, { motion, viewResets }: Store): void {
  viewResets.value; // followed
  if (motion.value) scene.frame(extentOf(motion.value));
}

function followPeople(scene: PoseScene, store: Store): void {
  const people = store.followsPeople.value ? shownPeople(store) : [];
  if (people.length === 0) return;
  const middle = (axis: 0 | 2): number => people.reduce((sum, { joints }) => sum + joints[axis]!, 0) / people.length;
  scene.follow(middle(0), middle(2));
}

function label(scene: PoseScene, store: Store, { joints, index }: ShownPerson) {
  const people = store.motion.value?.people ?? [];
  let top = 0;
  for (let i = 0; i < joints.length; i += 3) if (joints[i + 1]! > joints[top + 1]!) top = i;
  const at = people.length > 1 ? scene.project(joints[0]!, joints[top + 1]! + ABOVE_HEAD_M, joints[2]!) : null;
  return at && { ...at, text: people[index]!.id, colour: personColour(index) };
}

function placeTip(scene: PoseScene, store: Store, tip: HTMLElement): void {
  const joint = store.hovered.value ?? store.selection.value;
  const place = joint && jointPlace(store, joint);
  const at = place && scene.project(place[0]!, place[1]!, place[2]!);
  tip.hidden = !at;
  if (at) tip.style.transform = `translate(${Math.round(at.x)}px, ${Math.round(at.y)}px)`;
}

function listen(canvas: HTMLCanvasElement, scene: PoseScene, store: Store): () => void {
  let pressed = { x: 0, y: 0 };
  const place = (event: PointerEvent) => ({ x: event.offsetX, y: event.offsetY });
  const down = (event: PointerEvent): void => void (pressed = place(event));
  const move = (event: PointerEvent): void => {
    if (event.buttons === 0) store.hovered.value = scene.pick(place(event));
  };
  const up = (event: PointerEvent): void => {
    const { x, y } = place(event);
    if (Math.hypot(x - pressed.x, y - pressed.y) < CLICK_PX) clickJoint(store, scene.pick({ x, y }));
  };
  const leave = (): void => void (store.hovered.value = null);
  const listeners = { pointerdown: down, pointermove: move, pointerup: up, pointerleave: leave };
  const each = Object.entries(listeners) as [keyof typeof listeners, (event: PointerEvent) => void][];
  each.forEach(([name, listener]) => canvas.addEventListener(name, listener));
  return () => each.forEach(([name, listener]) => canvas.removeEventListener(name, listener));
}

/** Turn and zoom by arrow keys, plus and minus. */
export function turnByKey(scene: PoseScene, event: KeyboardEvent): void {
  const turns: Readonly<Record<string, () => void>> = {
    ArrowLeft: () => scene.turn(-TURN, 0),
    ArrowRight: () => scene.turn(TURN, 0),
    ArrowUp: () => scene.turn(0, TURN),
    ArrowDown: () => scene.turn(0, -TURN),
    "+": () => scene.zoom(ZOOM),
    "-": () => scene.zoom(1 / ZOOM),
  };
  const act = turns[event.key];
  if (!act) return;
  act();
  event.preventDefault();
}
