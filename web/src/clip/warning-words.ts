/** The codes of warnings in plain words; the answer's own text has the figures. */

export interface WarningWords {
  title: string;
  meaning: string;
  remedy: string;
}

const WORDS: Readonly<Record<string, WarningWords>> = {
  person_small: {
    title: "The person is tiny",
    meaning: "They span next to nothing of the image. Mostly, coordinates from 0 to 1 were taken as pixels, or the image's size is another video's.",
    remedy: "Check the image's size, under Clip, and whether the coordinates are pixels.",
  },
  upside_down: {
    title: "The person is upside down",
    meaning: "Feet are above hips and hips above shoulders all the time: the file's y probably points up, and in images it points down.",
    remedy: "Flip y (height − y) and open the file again. If it is a handstand, all is well.",
  },
  outside_image: {
    title: "Joints lie outside the image",
    meaning: "Well-detected joints are outside, so the image is probably not as large as was said; width and height may be swapped.",
    remedy: "Say the size of the video that the keypoints are of: under Clip, “Change image size, frame rate or format”.",
  },
  degenerate: {
    title: "The joints lie on a line",
    meaning: "The keypoints have no shape of a body: columns may be lost, or placeholders have a score.",
    remedy: "Look at the 2D keypoints. Where a detector found nothing it should write null, or score 0.",
  },
  many_outliers: {
    title: "Many joints were rejected",
    meaning: "They jump farther than people move, and were filled in. Two people may share one clip, or the detector fails.",
    remedy: "Look at the frames marked on the timeline. Track people, so that each clip is of one person.",
  },
  sides_swapped: {
    title: "Left and right were swapped back",
    meaning: "The detector took one side for the other for a moment. The poses are those with sides put right.",
    remedy: "Nothing: it is corrected. Look at the frames to check.",
  },
};

/** What a warning says, and what to change. */
export function warningWords(code: string): WarningWords {
  return WORDS[code] ?? { title: code.replaceAll("_", " "), meaning: "", remedy: "" };
}
