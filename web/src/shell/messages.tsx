/** What went wrong, what goes on, what is good to know. */

import { Icon, IconButton } from "../controls/icons";
import type { Remedy } from "../state/store";
import { usePage } from "../state/store-context";

export function Messages({ showsNotice }: { showsNotice: boolean }) {
  const { problem, notice, busy, announcement } = usePage().store;
  return (
    <div class="messages">
      <div role="alert">
        {problem.value && (
          <div class="message problem">
            <Icon name="warning" />
            <div>
              <strong>{problem.value.title}</strong>
              <p>{problem.value.detail}</p>
              {problem.value.places.length > 0 && (
                <ul>
                  {problem.value.places.map(({ where, expected }) => (
                    <li key={where}>
                      <code>{where}</code>: expected {expected}
                    </li>
                  ))}
                </ul>
              )}
              <RemedyButton remedy={problem.value.remedy} />
            </div>
            <IconButton icon="close" label="Dismiss" onClick={() => void (problem.value = null)} />
          </div>
        )}
      </div>
      {notice.value && showsNotice && (
        <div class="message notice">
          <div>
            <p>{notice.value.text}</p>
            <RemedyButton remedy={notice.value.remedy} />
          </div>
          <IconButton icon="close" label="Dismiss" onClick={() => void (notice.value = null)} />
        </div>
      )}
      <p class={`busy ${busy.value ? "" : "hidden-label"}`} role="status">
        {busy.value ?? announcement.value}
      </p>
    </div>
  );
}

function RemedyButton({ remedy }: { remedy: Remedy | null }) {
  return (
    remedy && (
      <button type="button" onClick={remedy.run}>
        {remedy.label}
      </button>
    )
  );
}
