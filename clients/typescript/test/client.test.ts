/** Against a real service, which tests/clients/test_typescript.py starts and controls. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import WebSocket from "ws";

import {
  Client,
  type ClientOptions,
  type ConnectionChange,
  DeadlineExceeded,
  Forbidden,
  type FramePoses,
  InvalidInput,
  type Keypoints,
  type LiftRequest,
  Overloaded,
  type Person,
  ServerUnavailable,
  SessionEnded,
  SessionLost,
  SessionTaken,
  TooLarge,
  Unauthenticated,
} from "poselift";

interface Case {
  /** A service without keys, one with the key, and one that is killed and started again. */
  url: string;
  locked_url: string;
  restarted_url: string;
  control_url: string;
  api_key: string;
  request: LiftRequest;
  /** The library's poses of the request's only clip, by `default` and by `live`. */
  poses: number[][][];
  live_poses: number[][][];
  /** The path of a video in which the detector `colours` finds one person. */
  video: string;
}

const path = process.env["POSELIFT_TEST_CASE"];
assert.ok(path, "tests/clients/test_typescript.py runs these tests");
const given = JSON.parse(readFileSync(path, "utf8")) as Case;
const { image_size, fps } = given.request;
const frames: readonly Keypoints[] = given.request.clips[0]!.keypoints;

const client = (url = given.url, options: ClientOptions = {}): Client =>
  new Client(url, { WebSocket, timeoutMs: 200_000, ...options }); // a busy machine starts services slowly

const anna = (index: number): Person[] => [{ track_id: "anna", keypoints: frames[index]! }];

const restart = async (how = "restart"): Promise<void> => {
  const answer = await fetch(`${given.control_url}/${how}`, { method: "POST" });
  assert.equal(answer.status, 200);
};

function assertClose(found: readonly number[][], expected: readonly number[][]): void {
  found.flat().forEach((value, i) => assert.ok(Math.abs(value - expected.flat()[i]!) < 1e-4));
  assert.equal(found.length, expected.length);
}

function assertLive(answers: readonly (FramePoses | null)[], count = frames.length): void {
  assert.deepEqual(answers.map((answer) => answer?.index), [...Array(count).keys()]);
  answers.forEach((answer, i) => assertClose(answer!.people[0]!.pose!, given.live_poses[i]!));
}

test("a clip has the poses of the library", async () => {
  const answer = await client().lift(given.request);
  const clip = answer.clips[0]!;
  clip.poses.forEach((pose, i) => assertClose(pose!, given.poses[i]!));
  assert.equal(answer.units, "metres");
  assert.equal(answer.skeleton.joints[0], "hip");
  assert.equal(clip.quality.length, frames.length);
  assert.deepEqual(answer.warnings, []);
});

test("models are listed", async () => {
  const models = await client().models();
  assert.deepEqual(models.find(({ name }) => name === "causal")?.aliases, ["live"]);
});

test("a file is converted to a lift request", async () => {
  const file = new TextEncoder().encode(JSON.stringify({ ...given.request, fps: undefined }));
  const { request, reader, notes } = await client().convert("poses.json", file, { fps: 25, image_size: [640, 480] });
  assert.equal(reader, "lift-request");
  assert.deepEqual(notes, []);
  assert.deepEqual([request.fps, request.image_size, request.clips.length], [25, [640, 480], 1]);
  assert.equal((await client().lift({ image_size: [640, 480], ...request })).clips.length, 1);
  await assert.rejects(client().convert("poses.json", file, { reader: "coco" }), InvalidInput);
});

test("poses come as a file of a tool", async () => {
  const { name, content, warnings } = await client().liftToFile(given.request, "model/x-bvh; rig=mixamo");
  assert.match(name, /\.bvh$/);
  assert.match(await content.text(), /^HIERARCHY\s+ROOT mixamorig:Hips/);
  assert.ok(Array.isArray(warnings));
  await assert.rejects(client().liftToFile(given.request, "model/x-bvh; rig=none"), InvalidInput);
});

test("people are found in a video", async () => {
  assert.ok((await client().detectors()).some(({ name, installed }) => name === "colours" && installed));
  const frames: number[] = [];
  const video = await readFile(given.video);
  const found = await client().detect(video, { detector: "colours" }, { progress: ({ frame }) => frames.push(frame) });
  assert.equal(found.request.clips.length, 1);
  assert.ok(frames.length > 0);
  await assert.rejects(client().detect(new Uint8Array(3), { detector: "colours" }), InvalidInput);
  await assert.rejects(client().detect(video, { detector: "none" }), InvalidInput);
});

test("errors have a class each and name the place", async () => {
  const wrong = { ...given.request, image_size: [0, 5] as [number, number] };
  await assert.rejects(client().lift(wrong), (error: unknown) => {
    assert.ok(error instanceof InvalidInput);
    assert.equal(error.errors[0]?.where, "image_size[0]");
    return true;
  });
  const long = { ...given.request, clips: [{ keypoints: Array<Keypoints>(2001).fill(frames[0]!) }] };
  await assert.rejects(client().lift(long), TooLarge);
  await assert.rejects(client(given.locked_url).models(), Unauthenticated);
  await assert.rejects(client(given.locked_url, { apiKey: "other" }).models(), Forbidden);
  await client(given.locked_url, { apiKey: given.api_key }).models();
  await assert.rejects(client("http://127.0.0.1:1", { timeoutMs: 300 }).models(), ServerUnavailable);
  assert.throws(() => client("ftp://127.0.0.1"), InvalidInput);
  assert.throws(() => client("http://me:secret@127.0.0.1"), InvalidInput);
});

test("what is busy is asked again when it says", async () => {
  const times: number[] = [];
  const proxy = createServer((request, answer) => {
    times.push(Date.now());
    if (times.length < 3) {
      answer.writeHead(times.length === 1 ? 429 : 503, { "retry-after": "1" }).end("busy");
      return;
    }
    void fetch(given.url + request.url).then(async (found) => answer.end(await found.text()));
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  try {
    assert.equal((await client(url).models()).length, 5);
    assert.ok(times[1]! - times[0]! >= 1000 && times[2]! - times[1]! >= 1000);
    times.length = 0;
    await assert.rejects(client(url, { timeoutMs: 900 }).models(), Overloaded);
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
});

test("a call may be given up", async () => {
  const stop = new AbortController();
  const asking = client().lift(given.request, { signal: stop.signal });
  stop.abort(new Error("enough"));
  await assert.rejects(asking, /enough/);
  await assert.rejects(client(given.url, { timeoutMs: 1 }).lift(given.request), DeadlineExceeded);
});

test("a session lifts frame by frame", async () => {
  const session = client().stream({ image_size, fps: fps! });
  const answers = [];
  for (let i = 0; i < frames.length; i++) answers.push(await session.push(anna(i)));
  assert.deepEqual(await session.close(), []);
  assertLive(answers);
  assert.equal(session.opened?.model.name, "causal");
  await assert.rejects(session.push(anna(0)), SessionEnded);
});

test("a session lifts frames that are pushed at once", async () => {
  const session = client().stream({ image_size, fps: fps! });
  await session.open();
  assertLive(await Promise.all(frames.map((_, i) => session.push(anna(i)))));
  await session.close();
});

test("answers come later where that was asked for", async () => {
  const session = client().stream({ image_size, fps: fps!, lookahead_frames: 5 });
  const answers = [];
  for (let i = 0; i < frames.length; i++) answers.push(await session.push(anna(i)));
  assert.deepEqual(answers.slice(0, 5), [null, null, null, null, null]);
  answers.push(...(await session.close()));
  assert.deepEqual(answers.slice(5).map((answer) => answer?.index), [...frames.keys()]);
});

test("a wrong frame does not count", async () => {
  const session = client().stream({ image_size, fps: fps! });
  const answers = [await session.push(anna(0))];
  const crowd = Array.from({ length: 257 }, (_, i) => ({ track_id: `${i}`, keypoints: null }));
  await assert.rejects(session.push(crowd), /at most 256 people/);
  answers.push(await session.push(anna(1)));
  await assert.rejects(session.push(anna(2), { index: 9 }), InvalidInput);
  const refused = [session.push(crowd), session.push(anna(2))];
  for (const each of await Promise.allSettled(refused)) assert.equal(each.status, "rejected");
  answers.push(await session.push(anna(2)));
  await session.close();
  assertLive(answers, 3);
});

test("a session is closed though its last frame is refused", async () => {
  const session = client().stream({ image_size, fps: fps! });
  await session.push(anna(0));
  const crowd = Array.from({ length: 257 }, (_, i) => ({ track_id: `${i}`, keypoints: null }));
  const refused = assert.rejects(session.push(crowd), /at most 256 people/);
  assert.deepEqual(await session.close(), []);
  await refused;
});

test("a key goes in a subprotocol", async () => {
  const session = client(given.locked_url, { apiKey: given.api_key }).stream({ image_size });
  assert.equal((await session.push(anna(0)))?.index, 0);
  await session.close();
  await assert.rejects(client(given.locked_url).stream({ image_size }).open(), Unauthenticated);
  const wrong = client(given.locked_url, { apiKey: "other" }).stream({ image_size });
  await assert.rejects(wrong.open(), Forbidden);
  await assert.rejects(wrong.open(), Forbidden);
});

test("a left session is resumed, and taken over from who has it", async () => {
  const first = client().stream({ image_size, fps: fps! });
  const answers = [];
  for (let i = 0; i < 10; i++) answers.push(await first.push(anna(i)));
  first.leave();
  const options = { image_size, fps: fps!, session_id: first.sessionId! };
  const second = client().stream(options);
  assert.equal((await second.open()).next_index, 10);
  const third = client().stream(options);
  for (let i = 10; i < frames.length; i++) answers.push(await third.push(anna(i)));
  await assert.rejects(second.push(anna(10)), SessionTaken);
  await third.close();
  assertLive(answers);
});

test("a signal leaves a session", async () => {
  const stop = new AbortController();
  const session = client().stream({ image_size }, { signal: stop.signal });
  await session.push(anna(0));
  stop.abort(new Error("enough"));
  await assert.rejects(session.push(anna(1)), /enough/);
});

test("the server is killed and started again", async () => {
  await restart();
  const changes: ConnectionChange[] = [];
  const onConnection = (change: ConnectionChange): number => changes.push(change);
  const session = client(given.restarted_url).stream({ image_size, fps: fps! }, { onConnection });
  const answers = [];
  for (let i = 0; i < frames.length; i++) {
    if (i === 10) await restart("restart-soon");
    answers.push(await session.push(anna(i)));
  }
  await session.close();
  assertLive(answers);
  const states = changes.map(({ state }) => state);
  assert.deepEqual(states.filter((state, i) => state !== states[i - 1]), ["open", "lost", "open", "ended"]);
  const opened = changes.flatMap((change) => (change.state === "open" ? [change.opened.next_index] : []));
  assert.deepEqual(opened, [0, 10]);
});

test("the server is killed while many frames are on their way", async () => {
  await restart();
  const session = client(given.restarted_url).stream({ image_size, fps: fps! });
  await session.open();
  const answers = frames.map((_, i) => session.push(anna(i)));
  await answers[3];
  await restart("restart-soon");
  assertLive(await Promise.all(answers));
  await session.close();
});

test("a session that the server has lost ends", async () => {
  await restart();
  const session = client(given.restarted_url).stream({ image_size, fps: fps! });
  for (let i = 0; i < 70; i++) await session.push(anna(i % frames.length));
  await restart("forget");
  await assert.rejects(session.push(anna(0)), SessionLost);
});
