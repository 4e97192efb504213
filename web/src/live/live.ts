/** A live stream from its source to the screen, as the live tab shows it. */

import { batch, signal, type ReadonlySignal } from "@preact/signals";
import { ofProblem, PoseliftError, type FramePoses, type InputWarning, type Opened, type Person, type SessionOptions, type Skeleton } from "poselift";
import { warningWords } from "../clip/warning-words";
import type { ShownPerson } from "../scene/pose-scene";
import type { Service } from "../state/service";
import type { OpenedClip } from "../state/store";
import { LatencyLog } from "./latency";
import { LivePeople } from "./live-people";
import { LiveStream, type StreamListener } from "./live-stream";
import { Messages } from "./messages";
import { Recording, type RecordedFrame } from "./recording";
import { createSettings, openChosen } from "./settings";
import type { FrameSink, LiveSource, SourceFrame } from "./source";

/** `opening` lasts until the first frame is sent; `waiting` is a connection that broke. */
export type LiveState = "idle" | "opening" | "running" | "waiting";

/** Live poses jitter less with it, and lag hardly. */
const SMOOTHING_S = 0.1;
/** The code of a warning of what was put right. */
const CORRECTED = "sides_swapped";

/** A frame that is on its way to the server. */
interface Sent {
  taken: number;
  sent: number;
  recorded: RecordedFrame | null;
}

/** What the 2D view shows. */
export interface PicturedFrame {
  people: readonly Person[];
  picture: ImageBitmap | null;
}

const NOTHING: PicturedFrame = { people: [], picture: null };

/** What the 3D view shows. */
export interface ShownFrame {
  index: number;
  people: readonly ShownPerson[];
}

export class Live {
  readonly settings = createSettings();
  readonly state = signal<LiveState>("idle");
  readonly source = signal<LiveSource | null>(null);
  readonly opened = signal<Opened | null>(null);
  readonly skeleton = signal<Skeleton | null>(null);
  /** Of the frame that was sent last. */
  readonly pictured = signal<PicturedFrame>(NOTHING);
  readonly shown = signal<ShownFrame | null>(null);
  /** Whether the session store has the last frame; null before there is one. */
  readonly isDurable = signal<boolean | null>(null);
  readonly sentCount = signal(0);
  readonly skippedCount = signal(0);
  readonly isRecording = signal(false);
  readonly recording = signal<Recording | null>(null);
  readonly recordedCount = signal(0);
  readonly messages = new Messages();
  readonly latency = new LatencyLog();
  people = new LivePeople();

  private stream: LiveStream<Sent> | null = null;
  private turn = 0;
  private undrawn: { taken: number; sent: number; answered: number } | null = null;

  constructor(
    private readonly service: Service,
    private readonly clip: ReadonlySignal<OpenedClip | null>,
  ) {}

  /** Open the source that is chosen, and stream it. What goes wrong is told. */
  async start(): Promise<void> {
    await this.stop();
    const turn = ++this.turn;
    const isLatest = (): boolean => turn === this.turn;
    this.reset();
    try {
      const source = await openChosen(this.settings, this.clip.value);
      if (!isLatest()) return source.stop();
      this.source.value = source;
      const stream = new LiveStream(this.service, this.optionsOf(source), this.listener());
      this.stream = stream;
      await stream.open();
      if (isLatest()) source.run(this.sink());
    } catch (error) {
      if (isLatest()) this.fail(error);
    }
  }

  /** Release the source; the session is forgotten once the frames on their way are answered. */
  async stop(): Promise<void> {
    this.turn++;
    this.source.value?.stop();
    const stream = this.stream;
    const isConnected = this.state.value === "running";
    this.stream = null;
    batch(() => {
      this.state.value = "idle";
      this.source.value = null;
      this.show(NOTHING);
      this.isRecording.value = false;
    });
    if (isConnected) await stream?.close();
    else stream?.leave();
  }

  /** Begin a recording, in place of the one before, or end it. */
  toggleRecording(): void {
    const source = this.source.value;
    if (!this.isRecording.value && source) {
      this.recording.value = new Recording(source.title, source.options, this.optionsOf(source));
      this.recordedCount.value = 0;
    }
    this.isRecording.value = !this.isRecording.value && source !== null;
  }

  /** The screen shows what was answered last. */
  drawn(now: number): void {
    if (this.undrawn) this.latency.add({ ...this.undrawn, drawn: now });
    this.undrawn = null;
  }

  private optionsOf({ options }: LiveSource): SessionOptions {
    return { ...options, smoothing_s: this.settings.smooths.value ? SMOOTHING_S : 0, axes: "y_up" };
  }

  private reset(): void {
    this.latency.clear();
    this.messages.clear();
    this.people = new LivePeople();
    batch(() => {
      this.state.value = "opening";
      this.opened.value = this.shown.value = this.isDurable.value = null;
      this.show(NOTHING);
      this.sentCount.value = this.skippedCount.value = 0;
    });
  }

  private sink(): FrameSink {
    const turn = this.turn;
    const isLatest = (): boolean => turn === this.turn;
    return {
      hasRoom: () => isLatest() && this.stream!.hasRoom,
      push: (frame) => isLatest() && this.push(frame),
      skip: () => isLatest() && this.skippedCount.value++,
      end: () => isLatest() && void this.finish(),
      fail: (error) => isLatest() && this.fail(error),
    };
  }

  private push(frame: SourceFrame): void {
    batch(() => {
      this.sentCount.value++;
      this.show(frame);
    });
    this.stream!.push(frame, { taken: frame.taken_ms, sent: performance.now(), recorded: this.record(frame) });
  }

  private show({ people, picture }: PicturedFrame): void {
    this.pictured.value.picture?.close();
    this.pictured.value = { people, picture };
  }

  private record(frame: SourceFrame): RecordedFrame | null {
    const recording = this.isRecording.value ? this.recording.value : null;
    if (recording?.isFull) {
      this.isRecording.value = false;
      this.messages.tell("note", "The recording is full and has ended.", { remedy: "Export it, or record again." });
      return null;
    }
    const recorded = recording?.add(frame) ?? null;
    this.recordedCount.value = this.recording.value?.frameCount ?? 0;
    return recorded;
  }

  private listener(): StreamListener<Sent> {
    const told = {
      opened: (opened: Opened, sentAgain: number) => this.connected(opened, sentAgain),
      lost: (error: Error) => this.disconnected(error),
      answered: (sent: Sent, answer: FramePoses) => this.answered(sent, answer),
      refused: (error: Error) => this.messages.tell("warning", sentence("A frame has no poses", error)),
      begunAnew: (unanswered: number) => this.begunAnew(unanswered),
      ended: (error: Error) => this.fail(error),
    };
    return told;
  }

  private connected(opened: Opened, sentAgain: number): void {
    const isBack = this.state.value === "waiting";
    batch(() => {
      this.opened.value = opened;
      this.skeleton.value = opened.skeleton;
      this.state.value = "running";
    });
    if (!isBack) return;
    const how = sentAgain > 0 ? `The server had lost ${sentAgain} frames, and they were sent again.` : "No frame was lost.";
    this.messages.tell("note", `Connected again: the session goes on at frame ${opened.next_index}. ${how}`);
  }

  private disconnected(error: Error): void {
    if (this.state.value === "waiting") return;
    this.state.value = "waiting";
    const remedy = "Nothing: it connects again by itself and goes on where it was.";
    this.messages.tell("warning", sentence("The server is away", error), { remedy });
  }

  private begunAnew(unanswered: number): void {
    const lost = unanswered > 0 ? ` ${unanswered} frames have no pose.` : "";
    this.state.value = "opening";
    this.isDurable.value = null;
    this.messages.tell("warning", `The server no longer knows the session: a new one begins, and people are followed afresh.${lost}`);
  }

  private answered({ taken, sent, recorded }: Sent, answer: FramePoses): void {
    if (recorded) recorded.answer = answer;
    this.undrawn = { taken, sent, answered: performance.now() };
    batch(() => {
      this.shown.value = { index: answer.index, people: this.people.place(answer, performance.now()) };
      this.tellDurable(answer.durable !== false);
    });
    for (const { track_id, problem } of answer.people) {
      if (problem) this.messages.tell("warning", sentence(`${track_id} has no pose`, ofProblem(problem)));
    }
    answer.warnings?.forEach((warning) => this.warn(warning));
  }

  private tellDurable(isDurable: boolean): void {
    const before = this.isDurable.value;
    this.isDurable.value = isDurable;
    if (before === true && !isDurable) {
      this.messages.tell("warning", "The session store is away. Poses come as before, but they would be lost with the server.");
    } else if (before === false && isDurable) {
      this.messages.tell("note", "The session store is back and has every frame.");
    }
  }

  private warn({ code, detail, track_id }: InputWarning): void {
    const { title, remedy } = warningWords(code);
    const gravity = code === CORRECTED ? "note" : "warning";
    this.messages.tell(gravity, sentence(track_id === undefined ? title : `${title} (${track_id})`, detail), { remedy: gravity === "note" ? "" : remedy, about: code });
  }

  /** The source has no more frames. */
  private async finish(): Promise<void> {
    const stream = this.stream;
    await stream?.close();
    if (stream === this.stream) await this.stop();
  }

  private fail(error: unknown): void {
    const ended = error instanceof PoseliftError ? "The server ended the stream" : "It has stopped";
    const begins = this.opened.value ? ended : "It cannot start";
    this.messages.tell("problem", sentence(begins, error));
    void this.stop();
  }
}

function sentence(begins: string, reason: unknown): string {
  const text = reason instanceof Error ? reason.message : String(reason);
  return `${begins}: ${text}.`.replace(/\.\.$/, ".");
}
