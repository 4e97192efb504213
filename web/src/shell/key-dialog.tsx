/** Asks for the key that the server wants. */

import { useSignal } from "@preact/signals";
import { usePage } from "../state/store-context";
import { Dialog } from "./dialog";

export function KeyDialog() {
  const question = usePage().store.keyQuestion.value;
  const key = useSignal("");
  if (!question) return null;
  const answer = (given: string | null): void => {
    key.value = "";
    question.answer(given);
  };
  return (
    <Dialog title="This server asks for an API key" onClose={() => answer(null)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          answer(key.value.trim());
        }}
      >
        {question.wasRefused && <p class="refusal">The server did not accept that key.</p>}
        <label>
          Key
          <input
            type="password"
            required
            autoComplete="off"
            value={key.value}
            onInput={(event) => void (key.value = event.currentTarget.value)}
          />
        </label>
        <p class="hint">It is kept in this tab alone, until the tab is closed, and sent to this server only.</p>
        <footer>
          <button type="button" onClick={() => answer(null)}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Use key
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
