/**
 * A live session, over as many connections as it takes.
 *
 * Frames are kept until their answers have come and the server has stored them. After a break all
 * from the first without an answer on are sent again; those that the server has already are only
 * answered again, so that no frame is lost or lifted twice.
 */

import {
  DeadlineExceeded,
  InvalidInput,
  type PoseliftError,
  ServerError,
  ServerUnavailable,
  SessionEnded,
  SessionLost,
  SessionTaken,
  Temporary,
  ofClose,
  ofProblem,
} from "./errors.js";
import type { FramePoses, Opened, Person, SessionOptions, StreamAnswer } from "./messages.js";
import { Backoff } from "./retries.js";
import { type Socket, type SocketClass, subprotocols } from "./socket.js";

/** Frames kept after their answers, for a server that comes back with an older store. */
const KEPT = 64;
/** After how much of the timeout without an answer the connection counts as lost. */
const SHARE_OF_TIMEOUT = 0.5;
const INDEX_GAP = "urn:poselift:problem:index-gap";

/** What becomes of a session's connection. */
export type ConnectionChange =
  /** Opened, or resumed: `next_index` says from where on. */
  | { state: "open"; opened: Opened }
  /** It broke, and the session connects again by itself. */
  | { state: "lost"; error: PoseliftError }
  /** The session is over: closed, left, or refused for good. */
  | { state: "ended"; error: unknown };

interface Connecting {
  url: string;
  Socket: SocketClass;
  apiKey: string | undefined;
  timeoutMs: number;
  signal: AbortSignal | undefined;
  onConnection: ((change: ConnectionChange) => void) | undefined;
}

/** A frame that may have to be sent again. */
interface Kept {
  index: number;
  text: string;
  isAnswered: boolean;
}

/** Who waits for the answer to a frame. */
interface Waiter {
  index: number;
  due: number;
  resolve(answer: FramePoses | null): void;
  reject(error: unknown): void;
}

export interface PushOptions {
  /** When the frame was taken, in seconds; with every frame of a session or with none. */
  timestamp_s?: number;
  /** With `allow_gaps`, the frame's number, if not the next. */
  index?: number;
}

export class Session {
  /** What the server said when it opened the session; null before. */
  opened: Opened | null = null;

  private readonly options: SessionOptions;
  private readonly lookahead: number;
  private readonly backoff = new Backoff();
  private readonly leaving = (): void => this.leave();
  private socket: Socket | null = null;
  private isOpen = false;
  private isClosing = false;
  private isAsked = false;
  private ended: unknown = null;
  private frames: Kept[] = [];
  private waiters: Waiter[] = [];
  private openings: { resolve(opened: Opened): void; reject(error: unknown): void }[] = [];
  private closings: { resolve(): void; reject(error: unknown): void }[] = [];
  private rest: FramePoses[] = [];
  private nextNumber = 0;
  private sentUpTo = 0;
  private answeredUpTo = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private watch: ReturnType<typeof setTimeout> | undefined;

  /** Made by `Client.stream`. */
  constructor(
    options: SessionOptions,
    private readonly how: Connecting,
  ) {
    this.options = { ...options };
    this.lookahead = options.lookahead_frames ?? 0;
    how.signal?.addEventListener("abort", this.leaving, { once: true });
    if (how.signal?.aborted) this.leave();
  }

  /** The id by which the session is resumed; undefined before the server has given one. */
  get sessionId(): string | undefined {
    return this.options.session_id;
  }

  /** The index of the frame that is pushed next. */
  get nextIndex(): number {
    return this.nextNumber;
  }

  /** Open or resume the session. */
  open(): Promise<Opened> {
    return this.within((resolve, reject) => {
      if (this.opened !== null) return resolve(this.opened);
      this.openings.push({ resolve, reject });
      this.connect();
    });
  }

  /**
   * Lift the next frame. With `lookahead_frames` the answer is that of a frame so many before, null
   * while there is none; null too for a frame that `drop_oldest` left out.
   *
   * Several frames may be on their way: their answers come in order. A frame without an answer in
   * time is kept and sent again, though its promise is rejected.
   */
  async push(people: readonly Person[], given: PushOptions = {}): Promise<FramePoses | null> {
    if (this.opened === null) await this.open();
    return this.within((resolve, reject) => {
      if (this.isClosing) throw new SessionEnded("the session is being closed");
      const index = this.numbered(given.index);
      const frame = { index, people, ...(given.timestamp_s === undefined ? {} : { timestamp_s: given.timestamp_s }) };
      const kept = { index, text: JSON.stringify({ frame }), isAnswered: false };
      this.frames.push(kept);
      this.nextNumber = index + 1;
      this.sentUpTo = Math.max(this.sentUpTo, this.nextNumber);
      const due = index - this.lookahead;
      if (due < 0) resolve(null);
      else this.waiters.push({ index, due, resolve, reject });
      if (this.isOpen) this.send(kept.text);
      else this.connect();
    });
  }

  /** Have the session forgotten; the answers that were still to come. */
  async close(): Promise<FramePoses[]> {
    if (this.ended === null && this.opened !== null) {
      this.isClosing = true;
      try {
        await this.within<void>((resolve, reject) => {
          this.closings.push({ resolve, reject });
          if (this.isOpen) this.askToClose();
          else this.connect();
        });
      } catch (error) {
        this.end(error); // not to connect for ever
        throw error;
      }
    }
    this.end(new SessionEnded("the session was closed"));
    return this.rest.splice(0);
  }

  /** End the connection; the session can be resumed by its id. */
  leave(): void {
    this.end(this.how.signal?.aborted ? this.how.signal.reason : new SessionEnded("the session was left"));
  }

  /** A promise that is rejected after the timeout, and with the error of a session that has ended. */
  private within<T>(start: (resolve: (value: T) => void, reject: (error: unknown) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.ended !== null) return reject(this.ended);
      const { timeoutMs } = this.how;
      const late = (): void => reject(new DeadlineExceeded(`no answer from ${this.how.url} in ${timeoutMs} ms`));
      const timer = setTimeout(late, timeoutMs);
      const settled =
        <V>(settle: (value: V) => void) =>
        (value: V): void => {
          clearTimeout(timer);
          settle(value);
        };
      try {
        start(settled(resolve), settled(reject));
      } catch (error) {
        settled(reject)(error);
      }
    });
  }

  private numbered(index: number | undefined): number {
    const next = this.nextNumber;
    const mayJump = this.options.allow_gaps === true;
    if (index === undefined || index === next) return next;
    if (mayJump && index > next) return index;
    const expected = `${next} ${mayJump ? "or more" : "without allow_gaps"}, found ${index}`;
    throw new InvalidInput(`index: expected ${expected}`, [{ where: "index", expected }]);
  }

  // The connection

  private connect(): void {
    if (this.socket !== null || this.retry !== undefined || this.ended !== null) return;
    const { url, Socket, apiKey } = this.how;
    const socket = new Socket(url, subprotocols(apiKey));
    this.socket = socket;
    const isMine = (): boolean => this.socket === socket;
    socket.onopen = () => isMine() && this.send(JSON.stringify({ open: this.options }));
    socket.onmessage = ({ data }: { data: unknown }) => isMine() && this.take(String(data));
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => isMine() && this.closed(code, reason);
    socket.onerror = () => undefined; // it is closed then
    this.watchAnswers();
  }

  private send(text: string): void {
    try {
      this.socket?.send(text);
      this.watchAnswers();
    } catch (error) {
      this.lost(new ServerUnavailable(`the connection to ${this.how.url} was lost: ${String(error)}`));
    }
  }

  private closed(code: number, reason: string): void {
    if (this.isAsked && code === 1000) this.done();
    else this.lost(code === 1000 ? new ServerUnavailable("the server ended the stream") : ofClose(this.how.url, code, reason));
  }

  /** After a break: connect again, or end. */
  private lost(error: PoseliftError): void {
    this.drop();
    if (!(error instanceof Temporary)) {
      this.end(error);
    } else if (this.isAsked && this.unanswered() === 0) {
      this.done(); // it is only forgotten later
    } else if (this.ended === null) {
      this.isAsked = false;
      this.how.onConnection?.({ state: "lost", error });
      this.retry = setTimeout(() => {
        this.retry = undefined;
        this.connect();
      }, this.backoff.waitMs(error));
    }
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    this.isOpen = false;
    clearTimeout(this.watch);
    try {
      socket?.close(1000);
    } catch {
      // It was not open yet, and some WebSockets mind.
    }
  }

  /** Take the connection for lost when nothing comes for too long although something is due. */
  private watchAnswers(): void {
    clearTimeout(this.watch);
    if (this.isOpen && !this.isAsked && this.inFlight() === 0) return;
    const ms = this.how.timeoutMs * SHARE_OF_TIMEOUT;
    this.watch = setTimeout(() => this.lost(new ServerUnavailable(`no answer from ${this.how.url} in ${ms} ms`)), ms);
  }

  private end(error: unknown): void {
    if (this.ended !== null) return;
    this.ended = error;
    clearTimeout(this.retry);
    this.retry = undefined;
    this.how.signal?.removeEventListener("abort", this.leaving);
    this.drop();
    const waiting = [...this.waiters.splice(0), ...this.openings.splice(0), ...this.closings.splice(0)];
    for (const each of waiting) each.reject(error);
    this.how.onConnection?.({ state: "ended", error });
  }

  // Answers

  private take(text: string): void {
    let answer: StreamAnswer;
    try {
      answer = JSON.parse(text) as StreamAnswer;
    } catch {
      return this.end(new ServerError(`what ${this.how.url} sends is not JSON: is it a poselift server?`));
    }
    if (answer.opened) this.resumed(answer.opened);
    else if (answer.notice) this.lost(ofProblem(answer.notice.problem));
    else if (answer.pose) this.takePoses(answer.pose);
  }

  private resumed(opened: Opened): void {
    const isFirst = this.opened === null;
    this.opened = opened;
    this.options.session_id = opened.session_id;
    if (isFirst) {
      this.nextNumber = this.sentUpTo = opened.next_index;
      this.answeredUpTo = Math.max(0, opened.next_index - this.lookahead);
    }
    const start = this.startOf(opened.next_index);
    if (start === null) return;
    this.isOpen = true;
    this.how.onConnection?.({ state: "open", opened });
    for (const frame of this.frames) if (frame.index >= start && this.isOpen) this.send(frame.text);
    for (const { resolve } of this.openings.splice(0)) resolve(opened);
    if (this.isClosing) this.askToClose();
    this.watchAnswers();
  }

  /** The index from which frames are sent again; null where the session cannot go on. */
  private startOf(nextIndex: number): number | null {
    const id = this.options.session_id;
    if (nextIndex > this.sentUpTo) {
      const detail = `another client has gone on with session ${id}: it expects frame ${nextIndex}, and this client's next is ${this.sentUpTo}`;
      this.end(new SessionTaken(detail));
      return null;
    }
    const oldest = this.frames[0]?.index ?? this.nextNumber;
    if (nextIndex < oldest) {
      const detail = `the server expects frame ${nextIndex} of session ${id}, and frames before ${oldest} are not kept here: open another session`;
      this.end(new SessionLost(detail));
      return null;
    }
    const first = this.frames.find((frame) => !frame.isAnswered);
    // Where the index may jump, frames behind a refused one may be there.
    if (first === undefined) this.nextNumber = Math.max(this.nextNumber, nextIndex);
    return Math.min(nextIndex, first?.index ?? nextIndex);
  }

  private takePoses({ problem, next_index: _, ...answer }: NonNullable<StreamAnswer["pose"]>): void {
    if (problem !== undefined) return this.refused(answer.index, ofProblem(problem), problem.type === INDEX_GAP);
    this.backoff.reset();
    if (answer.index >= this.answeredUpTo) {
      this.answeredUpTo = answer.index + 1;
      for (const frame of this.frames) if (frame.index <= answer.index) frame.isAnswered = true;
      if (answer.durable !== false) this.forget();
      this.give(answer);
    }
    this.watchAnswers();
    if (this.isClosing) this.askToClose();
  }

  private give(answer: FramePoses): void {
    const due = this.waiters.filter((waiter) => waiter.due <= answer.index);
    this.waiters = this.waiters.filter((waiter) => waiter.due > answer.index);
    if (due.every((waiter) => waiter.due !== answer.index)) this.rest.push(answer);
    if (!this.isClosing) this.rest.length = 0; // of frames whose push was given up
    for (const waiter of due) waiter.resolve(waiter.due === answer.index ? answer : null);
  }

  /** Keep no more frames than may have to be sent again. */
  private forget(): void {
    const answered = this.frames.length - this.unanswered();
    if (answered > KEPT) this.frames.splice(0, answered - KEPT);
  }

  /** A frame that was refused does not count: its index is the next one's. */
  private refused(index: number, error: PoseliftError, isGap: boolean): void {
    if (isGap) return this.lost(new ServerUnavailable(`the server is at another frame: ${error.message}`));
    const behind = this.frames.filter((frame) => frame.index >= index).length;
    const waiting = this.waiters.filter((waiter) => waiter.index >= index);
    this.frames = this.frames.filter((frame) => frame.index < index);
    this.waiters = this.waiters.filter((waiter) => waiter.index < index);
    this.nextNumber = index;
    if (behind <= 1) this.sentUpTo = index;
    // Those behind it would be refused too, and their refusals are still to come.
    else this.lost(new ServerUnavailable("a frame was refused"));
    for (const waiter of waiting) waiter.reject(error);
    this.watchAnswers();
    if (this.isClosing && this.isOpen) this.askToClose();
  }

  private unanswered(): number {
    return this.frames.filter((frame) => !frame.isAnswered).length;
  }

  private inFlight(): number {
    return Math.max(0, this.unanswered() - this.lookahead);
  }

  // The end

  private askToClose(): void {
    if (this.isAsked || this.inFlight() > 0) return;
    this.isAsked = true;
    this.send(JSON.stringify({ close: {} }));
  }

  private done(): void {
    for (const { resolve } of this.closings.splice(0)) resolve();
  }
}
