/** Opens clips: gets their keypoints, has them lifted, puts both into the store. */

import { batch } from "@preact/signals";
import {
  Forbidden,
  InvalidInput,
  PoseliftError,
  Unauthenticated,
  type ConvertOptions,
  type LiftRequest,
  type LiftResponse,
} from "poselift";
import { BUNDLED_CLIPS, type BundledClip } from "./bundled";
import { folderOf, isVideo, videoSize } from "./files";
import { askAboutFile } from "./questions";
import { withOptions, type Options } from "./options";
import { knownOf, requestIn, soughtIn } from "./reading";
import type { Service } from "./service";
import { answerOf, type Notice, type OpenedClip, type Remedy, type Store } from "./store";

/** Opens clips, one after the other: a later one takes the place of one that is still being lifted. */
export class Opener {
  private turn = 0;

  constructor(
    readonly store: Store,
    readonly service: Service,
  ) {}

  /** Show the first of the clips that come with the page, whatever the server says. */
  async openFirst(): Promise<void> {
    const [bundled] = BUNDLED_CLIPS;
    await this.during(`Lifting “${bundled!.title}”`, async (isLatest) => {
      const clip = await fetched(bundled!);
      try {
        const response = await this.service.liftQuietly(clip.request);
        if (isLatest()) this.show(clip, response);
      } catch (error) {
        const response = (await (await fetch(bundled!.answerUrl!)).json()) as LiftResponse;
        if (isLatest()) this.show(clip, response, insteadOf(error, () => void this.openBundled(bundled!)));
      }
    });
  }

  /** Lift and show a clip that was opened before, with these options. */
  async openKept({ title, request }: Pick<OpenedClip, "title" | "request">, options: Options): Promise<void> {
    await this.during(`Lifting ${title}`, async (isLatest) => {
      const response = await this.service.lift(withOptions(request, options));
      if (isLatest()) this.show({ title, request, notes: [], videoUrl: null }, response, null, options);
    });
  }

  /** Lift and show a clip that comes with the page. */
  async openBundled(bundled: BundledClip): Promise<void> {
    await this.during(`Lifting “${bundled.title}”`, async (isLatest) => this.lift(await fetched(bundled), isLatest));
  }

  /** Convert, lift and show files: keypoints, with the video they are of or without. */
  async openFiles(files: readonly File[]): Promise<void> {
    const videos = files.filter(isVideo);
    const keypoints = files.filter((file) => !videos.includes(file));
    if (videos.length > 1) return this.refuse(`${videos.length} videos`, ONE_AT_A_TIME);
    const [video] = videos;
    if (keypoints.length === 0) return video && this.openVideo(video);
    const file = keypoints.length === 1 ? keypoints[0]! : await folderOf(keypoints);
    const videoUrl = video ? URL.createObjectURL(video) : null;
    const size = videoUrl && (await videoSize(videoUrl));
    await this.openFile({ file, videoUrl }, size ? { image_size: size } : {}, false);
  }

  /** Have people found in a video, lift and show them over it. */
  async openVideo(video: File, people?: number): Promise<void> {
    const { store, service } = this;
    await this.during(`Sending ${video.name}`, async (isLatest) => {
      const { request, warnings } = await service.detect(video, people, ({ frame, frames }) => {
        if (isLatest()) store.busy.value = `Finding people in ${video.name}: frame ${frame}${frames === null ? "" : ` of ${frames}`}`;
      });
      if (!isLatest()) return;
      store.busy.value = `Lifting ${video.name}`;
      const opened = { file: video, ...(people && { people }) };
      await this.lift({ title: video.name, request, notes: warnings, videoUrl: URL.createObjectURL(video), video: opened }, isLatest);
    });
  }

  /** Ask how a clip's file is to be read, and open it again. */
  async reread({ file, videoUrl, request }: OpenedClip): Promise<void> {
    if (!file) return;
    const told = await askAboutFile(this.store, file.name, knownOf(request), null, request);
    if (told) await this.openFile({ file, videoUrl }, told, true);
  }

  private async openFile(source: { file: File; videoUrl: string | null }, known: ConvertOptions, isTold: boolean): Promise<void> {
    const { name } = source.file;
    await this.during(`Reading ${name}`, async (isLatest) => {
      const found = await requestIn(source.file, known, isTold, this);
      if (!found || !isLatest()) return;
      this.store.busy.value = `Lifting ${name}`;
      await this.lift({ title: name.replace(/\.zip$/, ""), ...source, ...found }, isLatest);
    });
  }

  private async lift(clip: OpenedClip, isLatest: () => boolean): Promise<void> {
    try {
      const response = await this.service.lift(clip.request);
      if (isLatest()) this.show(clip, response);
    } catch (error) {
      if (isLatest()) this.tell(error, error instanceof InvalidInput ? this.remedyFor(clip, error) : null);
    }
  }

  private remedyFor(clip: OpenedClip, { message }: InvalidInput): Remedy | null {
    const request: LiftRequest = { ...clip.request, coordinates: "normalized" };
    if (message.includes('"coordinates": "normalized"')) return { label: "Take them as from 0 to 1", run: () => void this.openAs({ ...clip, request }) };
    return clip.file ? { label: "Say how to read it…", run: () => void this.reread(clip) } : null;
  }

  private async openAs(clip: OpenedClip): Promise<void> {
    await this.during(`Lifting ${clip.title}`, (isLatest) => this.lift(clip, isLatest));
  }

  /** Lift what is open again, with other options. */
  async liftAgain(options: Options): Promise<void> {
    const { store, service } = this;
    const clip = store.clip.peek();
    if (!clip) return;
    await this.during("Lifting again", async (isLatest) => {
      try {
        const response = await service.lift(withOptions(clip.request, options));
        if (isLatest()) showAgain(store, response, options);
      } catch (error) {
        if (!(error instanceof InvalidInput && isLatest())) throw error;
        store.optionErrors.value = error.errors;
      }
    });
  }

  private show(clip: OpenedClip, response: LiftResponse, notice: Notice | null = null, options: Options = {}): void {
    const { store } = this;
    const before = store.clip.peek()?.videoUrl;
    if (before && before !== clip.videoUrl) URL.revokeObjectURL(before);
    batch(() => {
      store.clip.value = clip;
      store.answers.value = [answerOf(response, options)];
      store.options.value = options;
      store.optionErrors.value = [];
      store.notice.value = notice;
      store.time.value = 0;
      store.hiddenPeople.value = new Set();
      store.selection.value = null;
      store.hovered.value = null;
      store.ruler.value = [];
    });
    store.announcement.value = summary(clip, response);
  }

  /** Do something that takes a while; what goes wrong is told. A later thing takes its place. */
  async during(doing: string, work: (isLatest: () => boolean) => Promise<void>): Promise<void> {
    const { store } = this;
    const turn = ++this.turn;
    const isLatest = (): boolean => turn === this.turn;
    store.busy.value = doing;
    store.problem.value = null;
    try {
      await work(isLatest);
    } catch (error) {
      if (isLatest()) this.tell(error);
    } finally {
      if (isLatest()) store.busy.value = null;
    }
  }

  private tell(error: unknown, remedy: Remedy | null = null): void {
    const message = error instanceof Error ? error.message : String(error);
    this.store.problem.value = {
      title: error instanceof PoseliftError ? "The server could not do this" : "This did not work",
      ...(soughtIn(message) ?? { detail: message, places: error instanceof PoseliftError && error.errors.length > 1 ? error.errors : [] }),
      remedy,
    };
  }

  private refuse(what: string, detail: string): void {
    this.store.problem.value = { title: `${what} cannot be opened`, detail, places: [], remedy: null };
  }
}

function showAgain(store: Store, response: LiftResponse, options: Options): void {
  batch(() => {
    store.answers.value = [answerOf(response, options), ...store.answers.peek().slice(1)];
    store.options.value = options;
    store.optionErrors.value = [];
  });
  store.announcement.value = `Lifted again: ${store.answers.peek()[0]!.label}`;
}

const ONE_AT_A_TIME = "One video at a time, with its keypoints or without.";

async function fetched({ title, url }: BundledClip): Promise<OpenedClip> {
  const request = (await (await fetch(url)).json()) as LiftRequest;
  return { title, request, notes: [], videoUrl: null };
}

function insteadOf(error: unknown, again: () => void): Notice {
  const beforehand = "What you see was lifted beforehand.";
  if (error instanceof Unauthenticated || error instanceof Forbidden) {
    return { text: `This server asks for an API key. ${beforehand}`, remedy: { label: "Enter the key…", run: again } };
  }
  const why = error instanceof Error ? error.message : String(error);
  return { text: `${beforehand} The server says: ${why}`, remedy: { label: "Try again", run: again } };
}

function summary({ title }: OpenedClip, { clips, warnings }: LiftResponse): string {
  const count = (number: number, word: string, words: string): string => `${number} ${number === 1 ? word : words}`;
  return `${title}: ${count(clips.length, "person", "people")}, ${count(warnings.length, "warning", "warnings")}`;
}
