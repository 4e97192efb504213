/** What is doubtful about the keypoints, in plain words, and what to change. */

import type { InputWarning } from "poselift";
import { Icon } from "../controls/icons";
import { seekFrame } from "../state/playback";
import { usePage } from "../state/store-context";
import { Panel } from "./panel";
import { warningWords } from "./warning-words";

export function WarningsPanel() {
  const { store } = usePage();
  const warnings = store.answers.value[0]?.response.warnings ?? [];
  if (warnings.length === 0) return null;
  const codes = [...new Set(warnings.map(({ code }) => code))];
  return (
    <Panel title="Warnings" aside={warnings.length}>
      {codes.map((code) => (
        <Warning key={code} code={code} warnings={warnings.filter((each) => each.code === code)} />
      ))}
    </Panel>
  );
}

function Warning({ code, warnings }: { code: string; warnings: readonly InputWarning[] }) {
  const { title, meaning, remedy } = warningWords(code);
  return (
    <article class={`warning ${code}`}>
      <h3>
        <Icon name="warning" /> {title}
      </h3>
      <p>{meaning}</p>
      <p>
        <strong>What to do.</strong> {remedy}
      </p>
      <ul>
        {warnings.map((warning, index) => (
          <li key={index}>
            <Finding warning={warning} />
          </li>
        ))}
      </ul>
    </article>
  );
}

function Finding({ warning }: { warning: InputWarning }) {
  const { store } = usePage();
  const { detail, clip, frames } = warning;
  const isOneOfMany = (store.motion.value?.people.length ?? 0) > 1;
  return (
    <>
      {isOneOfMany && clip !== undefined && `${clip}: `}
      {detail}
      {frames && ", "}
      {frames && (
        <button type="button" class="link" onClick={() => seekFrame(store, frames[0])}>
          frame {frames[0]}
          {frames[1] !== frames[0] && ` to ${frames[1]}`}
        </button>
      )}
    </>
  );
}
