/** Names above people's heads. */

export interface Label {
  x: number;
  y: number;
  text: string;
  colour: string;
}

/** Elements over a canvas, as many as there are labels. */
export class Labels {
  constructor(private readonly parent: HTMLElement) {}

  /** Show these and no others. */
  place(labels: readonly (Label | null)[]): void {
    const shown = labels.filter((label) => label !== null);
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
