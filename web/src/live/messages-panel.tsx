/** What happened to the stream, in words. */

import { Panel } from "../clip/panel";
import { Icon } from "../controls/icons";
import { useLive } from "./live-context";
import type { Message } from "./messages";

export function MessagesPanel() {
  const messages = useLive().messages.list.value;
  return (
    <div hidden={messages.length === 0}>
      <Panel title="What happened" aside={messages.length}>
        <div role="log" aria-label="What happened">
          <ol class="happenings">
            {messages.map((message) => (
              <Happening key={message.about} message={message} />
            ))}
          </ol>
        </div>
      </Panel>
    </div>
  );
}

function Happening({ message: { gravity, text, remedy, at, count } }: { message: Message }) {
  return (
    <li class={`happening ${gravity}`}>
      <p>
        {gravity !== "note" && <Icon name="warning" />} {text} {count > 1 && <small>{count} times</small>}
      </p>
      {remedy && (
        <p>
          <strong>What to do.</strong> {remedy}
        </p>
      )}
      <small>{at.toLocaleTimeString()}</small>
    </li>
  );
}
