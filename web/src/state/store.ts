/** What the page knows, as signals that components follow. */

import { computed, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import type { LiftRequest, LiftResponse } from "poselift";
import { motionOf, type Motion } from "../motion/motion";
import { durationOf, frameAt, timingOf, type Timing } from "../motion/timing";

/** Keypoints that were opened. */
export interface OpenedClip {
  title: string;
  request: LiftRequest;
  /** How the file was read, in the reader's words. */
  notes: readonly string[];
  /** The video that the keypoints were found in, as an address for a video element. */
  videoUrl: string | null;
}

/** An answer to a clip that is open, with what is drawn of it. */
export interface Answer {
  label: string;
  response: LiftResponse;
  motion: Motion;
}

/** A joint of a person. */
export interface Selection {
  person: number;
  joint: number;
}

export type Theme = "light" | "dark";

export interface Store {
  clip: Signal<OpenedClip | null>;
  /** The first is the one that panels tell of; others are shown beside it. */
  answers: Signal<readonly Answer[]>;
  /** What goes on that one has to wait for, in words. */
  busy: Signal<string | null>;
  problem: Signal<string | null>;
  /** Something to know that is no problem. */
  notice: Signal<string | null>;

  time: Signal<number>;
  isPlaying: Signal<boolean>;
  speed: Signal<number>;
  loops: Signal<boolean>;

  hiddenPeople: Signal<ReadonlySet<number>>;
  selection: Signal<Selection | null>;
  followsPeople: Signal<boolean>;
  theme: Signal<Theme>;

  timing: ReadonlySignal<Timing | null>;
  duration: ReadonlySignal<number>;
  frame: ReadonlySignal<number>;
}

/** A store in which nothing is open. */
export function createStore(theme: Theme): Store {
  const clip = signal<OpenedClip | null>(null);
  const time = signal(0);
  const timing = computed(() => clip.value && timingOf(clip.value.request));
  return {
    clip,
    answers: signal([]),
    busy: signal(null),
    problem: signal(null),
    notice: signal(null),
    time,
    isPlaying: signal(false),
    speed: signal(1),
    loops: signal(true),
    hiddenPeople: signal(new Set()),
    selection: signal(null),
    followsPeople: signal(false),
    theme: signal(theme),
    timing,
    duration: computed(() => (timing.value ? durationOf(timing.value) : 0)),
    frame: computed(() => (timing.value ? frameAt(timing.value, time.value) : 0)),
  };
}

/** An answer with its motion. */
export function answerOf(label: string, response: LiftResponse): Answer {
  return { label, response, motion: motionOf(response) };
}
