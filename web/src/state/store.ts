/** What the page knows, as signals that components follow. */

import { computed, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import type { Converted, ConvertOptions, FieldError, LiftRequest, LiftResponse } from "poselift";
import { motionOf, type Motion } from "../motion/motion";
import { durationOf, frameAt, timingOf, type Timing } from "../motion/timing";
import { inWords, type Options } from "./options";

/** Keypoints that were opened. */
export interface OpenedClip {
  title: string;
  request: LiftRequest;
  /** How the file was read, in the reader's words. */
  notes: readonly string[];
  /** The video that the keypoints were found in, as an address for a video element. */
  videoUrl: string | null;
  /** What was opened, if it was a file of keypoints. */
  file?: File;
  /** What was opened, if it was a video, and how many people were looked for, if that was said. */
  video?: { file: File; people?: number };
}

/** An answer to the clip that is open, with what is drawn of it. */
export interface Answer {
  label: string;
  response: LiftResponse;
  motion: Motion;
}

/** A joint of a person: places in `motion.people` and in the skeleton. */
export interface Selection {
  person: number;
  joint: number;
}

/** What went wrong, in the server's words. */
export interface Problem {
  title: string;
  detail: string;
  places: readonly FieldError[];
  /** What can be done about it, if anything can. */
  remedy: Remedy | null;
}

/** Something to know that is no problem. */
export interface Notice {
  text: string;
  remedy: Remedy | null;
}

export interface Remedy {
  label: string;
  run(): void;
}

/** The server wants a key. */
export interface KeyQuestion {
  /** One was given before, and the server did not take it. */
  wasRefused: boolean;
  answer(key: string | null): void;
}

/** Something about a file has to be told. */
export interface FileQuestion {
  fileName: string;
  /** Why the server could not read it; null if only something is missing. */
  refusal: string | null;
  /** What is known or supposed. */
  known: ConvertOptions;
  /** What was found in the file, if it could be read. */
  found: Converted["request"] | null;
  answer(known: ConvertOptions | null): void;
}

export type Theme = "light" | "dark";
export type Tool = "look" | "ruler";

export interface Store {
  clip: Signal<OpenedClip | null>;
  /** The first is the one that panels tell of; a second is compared with it. */
  answers: Signal<readonly Answer[]>;
  /** With which the first was asked for. */
  options: Signal<Options>;
  /** What the server says against the options that were tried last. */
  optionErrors: Signal<readonly FieldError[]>;
  /** What goes on that one has to wait for, in words. */
  busy: Signal<string | null>;
  problem: Signal<Problem | null>;
  notice: Signal<Notice | null>;
  keyQuestion: Signal<KeyQuestion | null>;
  fileQuestion: Signal<FileQuestion | null>;
  /** What screen readers say next. */
  announcement: Signal<string>;

  time: Signal<number>;
  isPlaying: Signal<boolean>;
  speed: Signal<number>;
  loops: Signal<boolean>;

  hiddenPeople: Signal<ReadonlySet<number>>;
  selection: Signal<Selection | null>;
  hovered: Signal<Selection | null>;
  tool: Signal<Tool>;
  /** The joints between which the ruler lies: none, one or two. */
  ruler: Signal<readonly Selection[]>;
  showsExpectedErrors: Signal<boolean>;
  followsPeople: Signal<boolean>;
  /** Rises when the view is to be set back. */
  viewResets: Signal<number>;
  showsHelp: Signal<boolean>;
  theme: Signal<Theme>;

  timing: ReadonlySignal<Timing | null>;
  duration: ReadonlySignal<number>;
  frame: ReadonlySignal<number>;
  /** The frame, but while it plays only so often as one can read. */
  readableFrame: ReadonlySignal<number>;
  motion: ReadonlySignal<Motion | null>;
}

/** A store in which nothing is open. */
export function createStore(theme: Theme): Store {
  const clip = signal<OpenedClip | null>(null);
  const answers = signal<readonly Answer[]>([]);
  const time = signal(0);
  const isPlaying = signal(false);
  const timing = computed(() => clip.value && timingOf(clip.value.request));
  const frame = computed(() => (timing.value ? frameAt(timing.value, time.value) : 0));
  return {
    clip,
    answers,
    options: signal({}),
    optionErrors: signal([]),
    busy: signal(null),
    problem: signal(null),
    notice: signal(null),
    keyQuestion: signal(null),
    fileQuestion: signal(null),
    announcement: signal(""),
    time,
    isPlaying,
    speed: signal(1),
    loops: signal(true),
    hiddenPeople: signal(new Set()),
    selection: signal(null),
    hovered: signal(null),
    tool: signal("look"),
    ruler: signal([]),
    showsExpectedErrors: signal(false),
    followsPeople: signal(false),
    viewResets: signal(0),
    showsHelp: signal(false),
    theme: signal(theme),
    timing,
    duration: computed(() => (timing.value ? durationOf(timing.value) : 0)),
    frame,
    readableFrame: nowAndThen(frame, isPlaying),
    motion: computed(() => answers.value[0]?.motion ?? null),
  };
}

const READABLE_FOR_MS = 120;

/** A value that follows another one at once while that stands still, else now and then. */
function nowAndThen(followed: ReadonlySignal<number>, isMoving: ReadonlySignal<boolean>): ReadonlySignal<number> {
  let [last, since] = [followed.peek(), 0];
  return computed(() => {
    const [value, now] = [followed.value, performance.now()];
    if (!isMoving.value || now - since > READABLE_FOR_MS) [last, since] = [value, now];
    return last;
  });
}

/** An answer with its motion. */
export function answerOf(response: LiftResponse, options: Options = {}): Answer {
  return { label: inWords(response.model.name, options), response, motion: motionOf(response) };
}

/** Keep the answer as it is, to compare the next ones with; or no longer. */
export function toggleComparison({ answers }: Store): void {
  const [now, kept] = answers.value;
  if (now) answers.value = kept ? [now] : [now, now];
}

/** Show a person or hide them. */
export function togglePerson({ hiddenPeople }: Store, person: number): void {
  const hidden = new Set(hiddenPeople.value);
  if (!hidden.delete(person)) hidden.add(person);
  hiddenPeople.value = hidden;
}

/** Click a joint: select it, or lay the ruler on it. */
export function clickJoint({ tool, ruler, selection }: Store, joint: Selection | null): void {
  if (tool.value === "look") selection.value = joint;
  else if (joint) ruler.value = ruler.value.length === 2 ? [joint] : [...ruler.value, joint];
}
