/** The help sheet: what one sees, and the keys. */

import { STATE_WORDS, type JointState } from "../motion/joints";
import { SHORTCUTS } from "../state/shortcuts";
import { usePage } from "../state/store-context";
import { Dialog } from "./dialog";

const STATES: readonly JointState[] = ["measured", "filled", "rejected", "never"];

export function HelpDialog() {
  const { showsHelp } = usePage().store;
  if (!showsHelp.value) return null;
  const close = (): void => void (showsHelp.value = false);
  return (
    <Dialog title="Help" onClose={close}>
      <div class="help">
        <section>
          <h3>What you see</h3>
          <p>
            A detector’s 2D keypoints, and the 3D poses that the server lifts them to. Drop a file or folder of any detector or tool anywhere on the
            page, with its video if you have it, or a video alone.
          </p>
          <p>
            <span class="swatch left" /> left and <span class="swatch right" /> right are the person’s own. Squares of the ground are a metre wide. The
            ground lies where the lowest feet are; a single camera cannot tell more.
          </p>
          <p>Joints, in the list and as balls as large as the error that is expected:</p>
          <ul class="states">
            {STATES.map((state) => (
              <li key={state}>
                <span class={`dot ${state}`} /> {STATE_WORDS[state]}
              </li>
            ))}
          </ul>
          <p>
            The timeline has a row for each person: plain where all joints were measured, yellow where some were filled in, empty where the pose is
            unknown. Frames with warnings are marked above. Lines on the ground are where the hips went.
          </p>
          <p>Drag to turn, right-drag or two fingers to move, wheel or pinch to zoom. Click a joint to select it.</p>
        </section>
        <section>
          <h3>Keys</h3>
          <dl class="keys">
            {SHORTCUTS.map(({ shown, does }) => (
              <div key={shown}>
                <dt>
                  <kbd>{shown}</kbd>
                </dt>
                <dd>{does}</dd>
              </div>
            ))}
          </dl>
        </section>
      </div>
      <footer class="reversed">
        <button type="button" class="primary" onClick={close}>
          Close
        </button>
        <a href="./docs">API of this server</a>
      </footer>
    </Dialog>
  );
}
