/** Icons of buttons; what they mean, the buttons' labels say. */

const PATHS = {
  play: "M8 5.5v13l11-6.5z",
  pause: "M7 5h3.5v14H7zM13.5 5H17v14h-3.5z",
  previous: "M15.5 6v12L8 12zM6 6h1.8v12H6z",
  next: "M8.5 6v12l7.5-6zM16.2 6H18v12h-1.8z",
  loop: "M7 7h9v-3l5 4-5 4V9.2H7a2.8 2.8 0 0 0 0 5.6h1v2.2H7A5 5 0 0 1 7 7zM12 15.2h5v2.2h-5z",
  sun: "M12 7.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM11 1.5h2v3.5h-2zM11 19h2v3.5h-2zM1.5 11H5v2H1.5zM19 11h3.5v2H19zM4 5.4 5.4 4l2.4 2.4-1.4 1.4zM16.2 17.6l1.4-1.4L20 18.6 18.6 20zM4 18.6l2.4-2.4 1.4 1.4L5.4 20zM16.2 6.4 18.6 4 20 5.4l-2.4 2.4z",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  help: "M11 16.5h2.2v2.3H11zM12.1 5c2.7 0 4.5 1.6 4.5 3.9 0 1.7-.9 2.6-2.1 3.5-1 .7-1.3 1.1-1.3 2v.7H11v-1c0-1.6.7-2.4 1.9-3.3.9-.7 1.3-1.1 1.3-1.9 0-1-.8-1.7-2.1-1.7-1.4 0-2.2.8-2.3 2.2H7.5C7.6 6.6 9.4 5 12.1 5z",
  open: "M3 5h7l2 2.5h9V19H3zm2.2 4.5v7.3h13.6V9.5z",
  target: "M12 5a7 7 0 1 0 0 14 7 7 0 0 0 0-14zm0 2.2a4.8 4.8 0 1 1 0 9.6 4.8 4.8 0 0 1 0-9.6zM11 1.5h2V6h-2zM11 18h2v4.5h-2zM1.5 11H6v2H1.5zM18 11h4.5v2H18z",
  reset: "M4 11l8-7 8 7v9h-5.5v-5.5h-5V20H4z",
  ruler: "M2.5 16.5 16.5 2.5l5 5-14 14zM7 14.8l2 2 1.3-1.3-2-2zM10.2 11.6l3 3 1.3-1.3-3-3zM13.4 8.4l2 2 1.3-1.3-2-2z",
  errors: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm0 2a7 7 0 1 1 0 14 7 7 0 0 1 0-14zm0 4.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
  closer: "M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6z",
  farther: "M5 11h14v2H5z",
  warning: "M12 3 22 20.5H2zm-1.1 6.5v5.5h2.2V9.5zm0 6.8v2.2h2.2v-2.2z",
  close: "M6.4 5 12 10.6 17.6 5 19 6.4 13.4 12l5.6 5.6-1.4 1.4L12 13.4 6.4 19 5 17.6l5.6-5.6L5 6.4z",
  stop: "M6.5 6.5h11v11h-11z",
  record: "M12 6.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11z",
  whole: "M3 5h18v14H3zm2.2 2.2v9.6h13.6V7.2z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path fill-rule="evenodd" d={PATHS[name]} />
    </svg>
  );
}

interface IconButtonProps {
  icon: IconName;
  label: string;
  /** Where it switches something on and off. */
  pressed?: boolean;
  shortcut?: string | undefined;
  onClick(): void;
}

/** A button that shows an icon. */
export function IconButton({ icon, label, pressed, shortcut, onClick }: IconButtonProps) {
  const title = shortcut ? `${label} (${shortcut})` : label;
  return (
    <button type="button" class="icon-button" aria-label={label} aria-pressed={pressed} title={title} onClick={onClick}>
      <Icon name={icon} />
    </button>
  );
}
