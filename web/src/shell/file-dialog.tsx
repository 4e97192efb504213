/** Asks for what a file of keypoints does not say. */

import { useSignal } from "@preact/signals";
import type { ConvertOptions } from "poselift";
import { KeypointsPreview } from "../clip/keypoints-preview";
import { FORMATS } from "../motion/joints";
import type { FileQuestion } from "../state/store";
import { usePage } from "../state/store-context";
import { Dialog } from "./dialog";

const LARGEST_SIDE = 99_999;
const PRESETS: readonly [number, number][] = [
  [1280, 720],
  [1920, 1080],
  [3840, 2160],
];

export function FileDialog() {
  const question = usePage().store.fileQuestion.value;
  return question && <FileForm key={question.fileName + question.refusal} question={question} />;
}

function FileForm({ question }: { question: FileQuestion }) {
  const { fileName, refusal, known, found, answer } = question;
  const size = useSignal(known.image_size ?? null);
  const [width, height] = known.image_size ?? ["", ""];
  const readers = readersIn(refusal ?? "");
  return (
    <Dialog title={`About ${fileName}`} onClose={() => answer(null)}>
      <form
        onSubmit={(event) => (event.preventDefault(), answer(told(new FormData(event.currentTarget), known)))}
        onInput={(event) => void (size.value = told(new FormData(event.currentTarget), known).image_size ?? null)}
      >
        {refusal !== null ? (
          <p class="refusal">{refusal}</p>
        ) : (
          <p>
            Keypoints alone do not say how large the image was, or how fast the frames follow. Please check what is supposed here; with another size
            people would be {found?.coordinates === "normalized" ? "squashed" : "elsewhere in the image"}. Dropped together with their video, they need
            no answers.
          </p>
        )}
        <fieldset>
          <legend>Size of the image, in pixels</legend>
          {found && size.value && <KeypointsPreview request={{ ...found, image_size: size.value }} />}
          <div class="fields">
            <label>
              Width
              <input name="width" type="number" min="1" max={LARGEST_SIDE} required={refusal === null} defaultValue={String(width)} />
            </label>
            <label>
              Height
              <input name="height" type="number" min="1" max={LARGEST_SIDE} required={refusal === null} defaultValue={String(height)} />
            </label>
          </div>
          <div class="chips">
            {PRESETS.map((size) => (
              <button key={size.join()} type="button" class="chip" onClick={(event) => fill(event.currentTarget.form!, size)}>
                {size.join(" × ")}
              </button>
            ))}
            <button type="button" class="chip" onClick={(event) => turn(event.currentTarget.form!)}>
              upright
            </button>
          </div>
        </fieldset>
        <div class="fields">
          <label>
            Frames per second
            <input name="fps" type="number" min="1" max="1000" step="any" defaultValue={known.fps === undefined ? "" : String(known.fps)} />
          </label>
          <label>
            Keypoint format
            <select name="keypoint_format" defaultValue={known.keypoint_format ?? ""}>
              <option value="">as the file says</option>
              {Object.keys(FORMATS).map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
          {readers.length > 0 && (
            <label>
              Read it as a file of
              <select name="reader" defaultValue={known.reader ?? readers[0]}>
                {readers.map((name) => (
                  <option key={name}>{name}</option>
                ))}
              </select>
            </label>
          )}
        </div>
        <footer>
          <button type="button" onClick={() => answer(null)}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Lift
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

/** The readers of which the server asks to name one. */
function readersIn(refusal: string): string[] {
  return /found that (.+) read it: name one/.exec(refusal)?.[1]?.split(", ") ?? [];
}

function told(form: FormData, known: ConvertOptions): ConvertOptions {
  const text = (name: string): string => String(form.get(name) ?? "");
  const [width, height, fps] = [Number(text("width")), Number(text("height")), Number(text("fps"))];
  const [format, reader] = [text("keypoint_format"), text("reader") || known.reader];
  return {
    ...(width && height && { image_size: [width, height] }),
    ...(fps && { fps }),
    ...(format && { keypoint_format: format }),
    ...(reader && { reader }),
  };
}

function fill(form: HTMLFormElement, [width, height]: readonly [number, number]): void {
  field(form, "width").value = String(width);
  field(form, "height").value = String(height);
  form.dispatchEvent(new InputEvent("input"));
}

function turn(form: HTMLFormElement): void {
  fill(form, [Number(field(form, "height").value), Number(field(form, "width").value)]);
}

function field(form: HTMLFormElement, name: string): HTMLInputElement {
  return form.elements.namedItem(name) as HTMLInputElement;
}
