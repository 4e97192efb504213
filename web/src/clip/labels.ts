/** Names above people's heads. */

export interface Label {
  x: number;
  y: number;
  text: string;
  colour: string;
}

const HEIGHT_PX = 23;
const WIDTH_PX = 20;
const LETTER_PX = 7.5;

/** Labels that would cover one below them are moved above it. */
function apart(labels: readonly Label[]): Label[] {
  const moved = labels.map((label) => ({ ...label }));
  const placed: Label[] = [];
  for (const label of moved.toSorted((a, b) => b.y - a.y)) {
    for (const other of placed) if (overlap(label, other)) label.y = other.y - HEIGHT_PX;
    placed.push(label);
  }
  return moved;
}

function overlap(one: Label, other: Label): boolean {
  const width = WIDTH_PX + (LETTER_PX * (one.text.length + other.text.length)) / 2;
  return Math.abs(one.x - other.x) < width && Math.abs(one.y - other.y) < HEIGHT_PX;
}

/** Elements over a canvas, as many as there are labels. */
export class Labels {
  constructor(private readonly parent: HTMLElement) {}

  /** Show these and no others. */
  place(labels: readonly (Label | null)[]): void {
    const shown = apart(labels.filter((label) => label !== null));
    while (this.parent.childElementCount > shown.length) this.parent.lastElementChild!.remove();
    while (this.parent.childElementCount < shown.length) this.parent.append(document.createElement("span"));
    shown.forEach(({ x, y, text, colour }, index) => {
      const element = this.parent.children[index] as HTMLElement;
      if (element.textContent !== text) element.textContent = text;
      element.style.setProperty("--person", colour);
      element.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px) translate(-50%, -100%)`;
    });
  }
}
