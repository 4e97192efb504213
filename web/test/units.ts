/** What is computed without a browser: motion, timing, the ground, joints, files, live recordings and delays. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Keypoints, LiftRequest, LiftResponse, LiftedClip, Vector } from "poselift";
import { cropTo } from "../src/clip/keypoints-drawing";
import { warningWords } from "../src/clip/warning-words";
import { LatencyLog } from "../src/live/latency";
import { Messages } from "../src/live/messages";
import { Recording } from "../src/live/recording";
import { FORMATS, jointState } from "../src/motion/joints";
import { extentOf, jointsAt, motionOf } from "../src/motion/motion";
import { durationOf, frameAt, timeOf, timingOf } from "../src/motion/timing";
import { limbsOf, sideOf } from "../src/scene/body";
import { isVideo, likelySize, liftRequestIn } from "../src/state/files";
import { soughtIn } from "../src/state/reading";

const JOINTS = ["hip", "right_foot", "left_foot", "head"];
const POSE: Vector[] = [
  [0, 0, 0],
  [0.1, -0.8, 0],
  [-0.1, -0.8, 0],
  [0, 0.7, 0],
];

function clipOf(trajectory: (Vector | null)[], more: Partial<LiftedClip> = {}): LiftedClip {
  return {
    id: "anna",
    poses: trajectory.map((root) => root && POSE),
    trajectory,
    expected_errors: trajectory.map((root) => root && [0.01, 0.02, 0.03, 0.04]),
    quality: trajectory.map((root) => (root ? "measured" : "unknown")),
    joint_quality: trajectory.map(() => "m".repeat(17)),
    first_frame: 0,
    ...more,
  };
}

function answer(...clips: LiftedClip[]): LiftResponse {
  const skeleton = { name: "four", joints: JOINTS, parents: [-1, 0, 0, 0] };
  const model = { name: "m", version: "1", causal: false, receptive_field: 27, keypoint_format: "coco17", licence: "" };
  return { model, skeleton, units: "metres", axes: "y_up", clips, warnings: [] };
}

function heights(trajectory: Vector[]): number[] {
  const { people } = motionOf(answer(clipOf(trajectory)));
  return trajectory.map((_, frame) => Math.min(...[1, 4, 7, 10].map((at) => jointsAt(people[0]!, frame)![at]!)));
}

test("who stands still stands on a level ground", () => {
  const still = Array.from({ length: 30 }, (): Vector => [1, -0.3, -5]);
  for (const height of heights(still)) assert.ok(Math.abs(height - 0.075) < 0.001, String(height));
});

test("who walks away from a camera that looks down stays on the ground", () => {
  const slope = 0.2;
  const walk = Array.from({ length: 60 }, (_, i): Vector => [0, -1 - slope * (i / 10), -3 - i / 10]);
  for (const height of heights(walk)) assert.ok(Math.abs(height - 0.075) < 0.06, String(height));
});

test("frames of a jump are above the ground", () => {
  const jumps = Array.from({ length: 60 }, (_, i): Vector => [0, Math.max(0, Math.sin(i / 4)) * 0.4, -4]);
  assert.ok(Math.max(...heights(jumps)) > 0.35);
  assert.ok(Math.min(...heights(jumps)) > 0);
});

test("frames without a pose are unknown, and frames count from the source's", () => {
  const { people } = motionOf(answer(clipOf([[0, 0, 0], null, [0, 0, 0]], { first_frame: 7 })));
  assert.deepEqual(
    [6, 7, 8, 9, 10].map((frame) => jointsAt(people[0]!, frame) !== null),
    [false, true, false, true, false],
  );
});

test("people of a model without a trajectory do not stand in each other", () => {
  const alone = { trajectory: null };
  const { people } = motionOf(answer(clipOf([[0, 0, 0]], alone), clipOf([[0, 0, 0]], alone)));
  assert.ok(Math.abs(people[0]!.joints[0]! - people[1]!.joints[0]!) > 1);
});

test("an answer without any pose is a motion all the same", () => {
  const motion = motionOf(answer(clipOf([null, null])));
  assert.deepEqual(extentOf(motion), { x: 0, z: 0, radius: 0 });
});

test("frames have times by the frame rate, and by timestamps where there are any", () => {
  const request = (more: object): LiftRequest => ({ image_size: [1, 1], clips: [{ keypoints: [null, null, null], ...more }] });
  const even = timingOf({ ...request({ first_frame: 4 }), fps: 10 });
  assert.deepEqual([even.first, even.last, durationOf(even)], [4, 6, 0.30000000000000004]);
  assert.deepEqual([0, 0.09, 0.1, 5].map((time) => frameAt(even, time)), [4, 4, 5, 6]);
  assert.equal(timeOf(even, 99), 0.2);
  const uneven = timingOf(request({ timestamps_s: [1, 1.5, 3] }));
  assert.deepEqual([...uneven.times], [0, 0.5, 2]);
  assert.equal(frameAt(uneven, 1.9), 5 - 4);
});

test("a joint is as good as the worst of those that it rests on", () => {
  const letters = [..."m".repeat(17)];
  letters[FORMATS["coco17"]!.joints.indexOf("left_hip")] = "f";
  letters[FORMATS["coco17"]!.joints.indexOf("left_shoulder")] = "r";
  const clip = clipOf([[0, 0, 0]], { joint_quality: [letters.join("")] });
  const states = ["right_hip", "left_hip", "hip", "thorax", "spine"].map((joint) => jointState(clip, undefined, joint, 0));
  assert.deepEqual(states, ["measured", "filled", "filled", "rejected", "rejected"]);
  assert.equal(jointState(clip, undefined, "hip", 1), "unknown");
});

test("the body has a limb for each bone, on its side", () => {
  const limbs = limbsOf({ name: "", joints: JOINTS, parents: [-1, 0, 0, 0] });
  assert.deepEqual(limbs.map(({ side }) => side), ["middle", "middle", "middle"]);
  assert.deepEqual(["left_knee", "right_eye_inner", "hip", "upright"].map(sideOf), ["left", "right", "middle", "middle"]);
});

test("missing keypoints do not count for the crop, and joints outside the image do", () => {
  const keypoints = [[[50, 50, 0.9], [0, 0], [-1, -1, 0.9], null, [null, null, 0], [900, 900, 0.01], [60, 130, 0.9]]];
  const crop = cropTo([{ keypoints }], [100, 100]);
  assert.ok(crop.x > 20 && crop.x < 50 && crop.width < 60);
  assert.equal(crop.y + crop.height, 130);
});

test("the size of an image is supposed from where keypoints are", () => {
  const reaching = (x: number, y: number): Pick<LiftRequest, "clips"> => ({ clips: [{ keypoints: [[[0.1, 0.1, 1], [x, y, 1]]] }] });
  assert.deepEqual(likelySize(reaching(1500, 900)), [1920, 1080]);
  assert.deepEqual(likelySize(reaching(300, 1000)), [720, 1280]);
  assert.deepEqual(likelySize(reaching(9000, 10)), [9000, 10]);
  const parts = (width: number, height: number) => ({ ...reaching(width, height), coordinates: "normalized" as const });
  assert.deepEqual(likelySize(parts(0.2, 0.8)), [1920, 1080]);
  assert.deepEqual(likelySize(parts(0.5, 0.7)), [1080, 1920]);
});

test("videos and lift requests are known", () => {
  assert.ok(isVideo(new File([], "A.MOV")) && isVideo(new File([], "x", { type: "video/webm" })));
  assert.ok(!isVideo(new File([], "x.json")));
  assert.equal(liftRequestIn("[1"), null);
  assert.equal(liftRequestIn('{"clips": []}'), null);
  assert.ok(liftRequestIn('{"clips": [], "image_size": [1, 2]}'));
});

test("readers that were tried are told one by one", () => {
  const sought = soughtIn("x.csv: expected a file of a known format (coco: a list; of results; mmpose: instances: a list…");
  assert.deepEqual(sought?.places, [
    { where: "coco", expected: "a list; of results" },
    { where: "mmpose", expected: "instances: a list…" },
  ]);
  assert.equal(soughtIn("clips: expected a list"), null);
});

test("a code that is not known yet is told in its own words", () => {
  assert.equal(warningWords("some_new_code").title, "some new code");
});

test("a recording is a clip a person, with the times of frames", () => {
  const options = { image_size: [640, 480] as [number, number], keypoint_format: "coco17" };
  const recording = new Recording("two.mp4", options, { ...options, axes: "y_up" });
  const keypoints: Keypoints = [[1, 2, 0.9]];
  const present = [["anna"], ["anna", "ben"], [], ["ben", "anna"], ["ben"]];
  present.forEach((people, frame) =>
    recording.add({ people: people.map((track_id) => ({ track_id, keypoints })), timestamp_s: frame / 10, taken_ms: 0, picture: null }),
  );
  const { fps, clips, axes } = recording.request();
  assert.deepEqual([fps, axes], [10, undefined]);
  assert.deepEqual(clips, [
    { id: "anna", first_frame: 0, keypoints: [keypoints, keypoints, null, keypoints], timestamps_s: [0, 0.1, 0.2, 0.3] },
    { id: "ben", first_frame: 1, keypoints: [keypoints, null, keypoints, keypoints], timestamps_s: [0.1, 0.2, 0.3, 0.4] },
  ]);
  const text = JSON.parse(recording.text(null)) as { axes: string; frames: unknown[] };
  assert.deepEqual([text.axes, text.frames.length], ["y_up", 5]);
});

test("delays add up from the picture to the screen", () => {
  const log = new LatencyLog();
  assert.equal(log.spread("total"), null);
  for (let i = 1; i <= 20; i++) log.add({ taken: 1000 * i, sent: 1000 * i + 10, answered: 1000 * i + 30, drawn: 1000 * i + 30 + i });
  assert.deepEqual(log.spread("keypoints"), { p50: 10, p95: 10 });
  assert.deepEqual(log.spread("total"), { p50: 40, p95: 49 });
  assert.deepEqual(log.columns().map((column) => column.at(-1)), [0, 10, 30, 50]);
  assert.ok(Math.abs(log.rate() - 1) < 0.01);
});

test("messages about the same thing are counted, and the newest is first", () => {
  const messages = new Messages();
  messages.tell("warning", "It is dark.");
  messages.tell("note", "It is back.");
  messages.tell("warning", "It is dark.");
  assert.deepEqual(messages.list.value.map(({ text, count }) => [text, count]), [
    ["It is dark.", 2],
    ["It is back.", 1],
  ]);
});
