/** What happened to a stream, in words, the newest first. */

import { signal } from "@preact/signals";

export type Gravity = "note" | "warning" | "problem";

export interface Message {
  /** Messages about the same thing take each other's place. */
  about: string;
  gravity: Gravity;
  text: string;
  /** What can be done about it; empty if nothing need be. */
  remedy: string;
  at: Date;
  count: number;
}

const KEPT = 40;

export class Messages {
  readonly list = signal<readonly Message[]>([]);

  tell(gravity: Gravity, text: string, { remedy = "", about = text } = {}): void {
    const before = this.list.value.find((message) => message.about === about);
    const others = this.list.value.filter((message) => message !== before);
    const message = { about, gravity, text, remedy, at: new Date(), count: (before?.count ?? 0) + 1 };
    this.list.value = [message, ...others].slice(0, KEPT);
  }

  clear(): void {
    this.list.value = [];
  }
}
