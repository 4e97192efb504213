/** A panel that can be folded up. */

import type { ComponentChildren } from "preact";

interface PanelProps {
  title: string;
  /** Beside the title: a count, say. */
  aside?: ComponentChildren;
  isFolded?: boolean;
  onToggle?: (isOpen: boolean) => void;
  children: ComponentChildren;
}

export function Panel({ title, aside, isFolded = false, onToggle, children }: PanelProps) {
  return (
    <details class="panel" open={!isFolded} onToggle={(event) => onToggle?.(event.currentTarget.open)}>
      <summary>
        <h2>{title}</h2>
        {aside !== undefined && <span class="aside">{aside}</span>}
      </summary>
      <div class="panel-body">{children}</div>
    </details>
  );
}
