/** The clips that come with the page. */

import balancingUrl from "../clips/balancing.json?url";
import fivePeopleUrl from "../clips/five_people.json?url";
import walkingAnswerUrl from "../clips/walking_answer.json?url";
import walkingUrl from "../clips/walking.json?url";

export interface BundledClip {
  title: string;
  about: string;
  /** Of its lift request. */
  url: string;
  /** Of the answer to it, for when the server gives none. */
  answerUrl: string | null;
}

export const BUNDLED_CLIPS: readonly BundledClip[] = [
  { title: "Jumping jacks", about: "MediaPipe, 30 fps", url: walkingUrl, answerUrl: walkingAnswerUrl },
  { title: "On a beam", about: "OpenPose, 60 fps", url: balancingUrl, answerUrl: null },
  { title: "Five people", about: "parts of real clips, placed for one camera", url: fivePeopleUrl, answerUrl: null },
];
