/** Files dropped anywhere on the page are opened. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { droppedFiles } from "../state/files";
import { usePage } from "../state/store-context";

export function DropTarget() {
  const { opener } = usePage();
  const isOver = useSignal(false);
  useEffect(() => {
    let depth = 0;
    const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
    const listeners: Record<string, (event: DragEvent) => void> = {
      dragenter: (event) => void (hasFiles(event) && (isOver.value = ++depth > 0)),
      dragleave: (event) => void (hasFiles(event) && (isOver.value = --depth > 0)),
      dragover: (event) => event.preventDefault(),
      drop: (event) => {
        event.preventDefault();
        depth = 0;
        isOver.value = false;
        if (event.dataTransfer) void droppedFiles(event.dataTransfer).then((files) => opener.openFiles(files));
      },
    };
    const each = Object.entries(listeners) as [keyof DocumentEventMap, EventListener][];
    each.forEach(([name, listener]) => document.addEventListener(name, listener));
    return () => each.forEach(([name, listener]) => document.removeEventListener(name, listener));
  }, []);
  return isOver.value ? (
    <div class="drop-target" aria-hidden="true">
      <p>
        Drop to lift
        <small>keypoints of any detector, their video, or both</small>
      </p>
    </div>
  ) : null;
}
