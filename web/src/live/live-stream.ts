/** A session with the server: frames on their way to it, never more than a few, and their answers. */

import { DeadlineExceeded, SessionLost, type ConnectionChange, type FramePoses, type Opened, type Session, type SessionOptions } from "poselift";
import type { Service } from "../state/service";
import type { SourceFrame } from "./source";

/** With more the newest would only wait for the oldest. */
const MOST_IN_FLIGHT = 4;

/** What happens to a stream. */
export interface StreamListener<Sent> {
  /** The session is there; `sentAgain` frames had been answered before, and the server asked for them again. */
  opened(opened: Opened, sentAgain: number): void;
  /** The connection broke. It comes back by itself. */
  lost(error: Error): void;
  answered(sent: Sent, answer: FramePoses): void;
  /** This frame alone has no poses. */
  refused(error: Error): void;
  /** The server forgot the session, and frames too old to be sent again: another one begins. */
  begunAnew(unanswered: number): void;
  ended(error: Error): void;
}

export class LiveStream<Sent> {
  private session: Session | null = null;
  private inFlight = 0;
  private answeredUpTo = 0;
  private isClosing = false;
  private isOver = false;

  constructor(
    private readonly service: Service,
    private readonly options: SessionOptions,
    private readonly listener: StreamListener<Sent>,
  ) {}

  get hasRoom(): boolean {
    return !this.isOver && this.session?.opened != null && this.inFlight < MOST_IN_FLIGHT;
  }

  /** Open the session, with a key where the server wants one. */
  async open(): Promise<void> {
    await this.service.withKey((client) => {
      this.inFlight = this.answeredUpTo = 0;
      const session = client.stream(this.options, { onConnection: (change) => this.session === session && this.follow(change) });
      this.session = session;
      return session.open();
    });
  }

  /** Send a frame; `sent` comes back with its answer. */
  push({ people, timestamp_s }: SourceFrame, sent: Sent): void {
    const session = this.session!;
    const isMine = (): boolean => session === this.session && !this.isOver;
    this.inFlight++;
    session
      .push(people, { timestamp_s })
      .then((answer) => {
        if (!isMine() || !answer) return;
        this.answeredUpTo = answer.index + 1;
        this.listener.answered(sent, answer);
      })
      .catch((error: Error) => {
        if (isMine()) this.listener.refused(error);
      })
      .finally(() => {
        if (session === this.session) this.inFlight--;
      });
  }

  /** Have the session forgotten, once the frames on their way are answered. */
  async close(): Promise<void> {
    this.isClosing = true;
    await this.session?.close().catch(() => undefined);
    this.leave();
  }

  /** Forget about the session at once. */
  leave(): void {
    this.isOver = true;
    this.session?.leave();
  }

  private follow(change: ConnectionChange): void {
    if (this.isOver || this.isClosing) return;
    if (change.state === "open") this.listener.opened(change.opened, Math.max(0, this.answeredUpTo - change.opened.next_index));
    else if (change.state === "lost") this.listener.lost(change.error);
    else if (change.error instanceof SessionLost) void this.beginAnew();
    else if (this.session?.opened) this.end(change.error);
  }

  private async beginAnew(): Promise<void> {
    this.listener.begunAnew(this.inFlight);
    try {
      await this.open();
    } catch (error) {
      if (!this.isOver && !(error instanceof DeadlineExceeded)) this.end(error);
    }
  }

  private end(error: unknown): void {
    this.isOver = true;
    this.listener.ended(error instanceof Error ? error : new Error(String(error)));
  }
}
