/** Opens clips: gets their keypoints, has them lifted, puts both into the store. */

import { batch } from "@preact/signals";
import {
  Forbidden,
  InvalidInput,
  NotFound,
  PoseliftError,
  Unauthenticated,
  type Converted,
  type ConvertOptions,
  type LiftRequest,
  type LiftResponse,
} from "poselift";
import { BUNDLED_CLIPS, type BundledClip } from "./bundled";
import { isVideo, liftRequestIn, likelySize, videoSize } from "./files";
import { askAboutFile } from "./questions";
import { withOptions, type Options } from "./options";
import type { Service } from "./service";
import { answerOf, type Notice, type OpenedClip, type Store } from "./store";

const USUAL_FPS = 30;
/** What the server says where only the name of a format or reader is missing. */
const CAN_BE_TOLD = /which the file does not tell: (?!none )|found that .+ read it: name one/;

/** Opens clips, one after the other: a later one takes the place of one that is still being lifted. */
export class Opener {
  private turn = 0;

  constructor(
    private readonly store: Store,
    private readonly service: Service,
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
    const video = files.find(isVideo);
    const keypoints = files.filter((file) => file !== video);
    if (keypoints.length === 0 && video) return this.openVideo(video);
    if (keypoints.length !== 1) return this.refuse(`${keypoints.length} files`, ONE_AT_A_TIME);
    const [file] = keypoints;
    await this.during(`Reading ${file!.name}`, async (isLatest) => {
      const videoUrl = video ? URL.createObjectURL(video) : null;
      const found = await this.request(file!, videoUrl);
      if (!found || !isLatest()) return;
      this.store.busy.value = `Lifting ${file!.name}`;
      await this.lift({ title: file!.name, videoUrl, ...found }, isLatest, () => this.tellHow(file!, videoUrl, found.request));
    });
  }

  /** A video without keypoints. */
  private openVideo(video: File): void {
    this.refuse(video.name, NO_DETECTOR);
  }

  private async request(file: File, videoUrl: string | null): Promise<Pick<OpenedClip, "request" | "notes"> | null> {
    const size = videoUrl && (await videoSize(videoUrl));
    return this.converted(file, size ? { image_size: size } : {});
  }

  /** Ask the server what is in a file, and the user what the file does not say. */
  private async converted(file: File, known: ConvertOptions, isTold = false): Promise<Pick<OpenedClip, "request" | "notes"> | null> {
    const { store, service } = this;
    const again = async (supposed: ConvertOptions, refusal: string | null) => {
      const told = await askAboutFile(store, file.name, supposed, refusal);
      return told && this.converted(file, told, true);
    };
    try {
      const { request, notes } = await service.convert(file, known);
      if (request.image_size !== undefined) return { request: request as LiftRequest, notes };
      return await again(supposed(request, known), null);
    } catch (error) {
      const request = error instanceof NotFound ? liftRequestIn(await file.text()) : null;
      if (request) return { request, notes: [] };
      if (error instanceof InvalidInput && (isTold || CAN_BE_TOLD.test(error.message))) return again(known, error.message);
      throw error;
    }
  }

  /** Say how a file is to be read, and open it again. */
  private async tellHow(file: File, videoUrl: string | null, request: LiftRequest): Promise<void> {
    const { image_size, fps, keypoint_format } = request;
    const known: ConvertOptions = { image_size, ...(fps && { fps }), ...(keypoint_format && { keypoint_format }) };
    const told = await askAboutFile(this.store, file.name, known, null);
    if (!told) return;
    await this.during(`Lifting ${file.name}`, async (isLatest) => {
      const found = await this.converted(file, told, true);
      if (found) await this.lift({ title: file.name, videoUrl, ...found }, isLatest);
    });
  }

  private async lift(clip: OpenedClip, isLatest: () => boolean, tellHow?: () => Promise<void>): Promise<void> {
    try {
      const response = await this.service.lift(clip.request);
      if (isLatest()) this.show(clip, response);
    } catch (error) {
      if (tellHow && error instanceof InvalidInput) throw new Tellable(error, tellHow);
      throw error;
    }
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

  private tell(error: unknown): void {
    const known = error instanceof Tellable ? error.error : error;
    const remedy = error instanceof Tellable ? { label: "Say how to read it…", run: () => void error.tellHow() } : null;
    this.store.problem.value = {
      title: known instanceof PoseliftError ? "The server could not do this" : "This did not work",
      detail: known instanceof Error ? known.message : String(known),
      places: known instanceof PoseliftError && known.errors.length > 1 ? known.errors : [],
      remedy,
    };
  }

  private refuse(what: string, detail: string): void {
    this.store.problem.value = { title: `${what} cannot be opened`, detail, places: [], remedy: null };
  }
}

/** A refusal that the user may mend by saying more about the file. */
class Tellable extends Error {
  constructor(
    readonly error: InvalidInput,
    readonly tellHow: () => Promise<void>,
  ) {
    super(error.message);
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

const ONE_AT_A_TIME =
  "One file with keypoints at a time, together with its video if you like. The command reads whole folders: poselift lift FOLDER.";
const NO_DETECTOR =
  "A video needs a detector to find keypoints in it. Run one, and drop the file that it writes, together with the video if you like.";

async function fetched({ title, url }: BundledClip): Promise<OpenedClip> {
  const request = (await (await fetch(url)).json()) as LiftRequest;
  return { title, request, notes: [], videoUrl: null };
}

function supposed(request: Converted["request"], told: ConvertOptions): ConvertOptions {
  return { image_size: likelySize(request.clips), fps: request.fps ?? USUAL_FPS, ...told };
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
