/** How long frames take from the browser to a pose on the screen, as a plot and in figures. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { Panel } from "../clip/panel";
import { usePage } from "../state/store-context";
import type { Theme } from "../state/store";
import type { Delays, LatencyLog } from "./latency";
import { useLive } from "./live-context";

const SHOWN_EACH_MS = 300;
const HEIGHT = 120;
const STEPS: readonly { step: keyof Delays; label: string; about: string; colour: string }[] = [
  { step: "keypoints", label: "Keypoints", about: "from the picture to its keypoints; of files, how late they were sent", colour: "#c26da9" },
  { step: "server", label: "Server", about: "from keypoints sent to poses come", colour: "#2f86d1" },
  { step: "screen", label: "Screen", about: "until they are drawn", colour: "#34a884" },
];
const INK = { light: "#4a5568", dark: "#a9b4c4" } as const;

export function LatencyPanel() {
  const live = useLive();
  const { store } = usePage();
  const place = useRef<HTMLDivElement>(null);
  const pictures = useSignal(0);
  const { theme } = store;
  const isIdle = live.state.value === "idle";
  useEffect(() => {
    const element = place.current!;
    const plot = plotted(element, theme.value);
    const show = (): void => {
      plot.setData(live.latency.columns());
      pictures.value++;
    };
    show();
    const timer = isIdle ? undefined : setInterval(show, SHOWN_EACH_MS);
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => (clearInterval(timer), observer.disconnect(), plot.destroy());
  }, [theme.value, isIdle]);
  pictures.value; // the figures are those of the plot
  const total = live.latency.spread("total");
  return (
    <Panel title="Latency" aside={total ? `${Math.round(total.p50)} ms` : undefined}>
      <div ref={place} class="plot" role="img" aria-label="Milliseconds from the browser to the screen, frame by frame" />
      {total ? <Figures log={live.latency} /> : <p class="hint">From the picture to its pose on the screen.</p>}
    </Panel>
  );
}

function Figures({ log }: { log: LatencyLog }) {
  const steps = STEPS.filter(({ step }) => (log.spread(step)?.p95 ?? 0) >= 0.5);
  return (
    <>
      <table class="delays">
        <thead>
          <tr>
            <th scope="col">Milliseconds</th>
            <th scope="col" title="Half of the frames take no longer">
              p50
            </th>
            <th scope="col" title="95 of 100 frames take no longer">
              p95
            </th>
          </tr>
        </thead>
        <tbody>
          {steps.map(({ step, label, about, colour }) => (
            <Row key={step} spread={log.spread(step)!} title={about}>
              <span class="swatch" style={{ background: colour }} /> {label}
            </Row>
          ))}
          <Row spread={log.spread("total")!} title="from the picture to the screen">
            <strong>Together</strong>
          </Row>
        </tbody>
      </table>
      {log.rate() > 0 && <p class="hint">{rateWords(log.rate())} on the screen, of late.</p>}
    </>
  );
}

function rateWords(rate: number): string {
  return `${rate < 9.95 ? rate.toFixed(1) : rate.toFixed(0)} frames a second`;
}

function Row({ spread, title, children }: { spread: { p50: number; p95: number }; title: string; children: preact.ComponentChildren }) {
  return (
    <tr title={title}>
      <th scope="row">{children}</th>
      <td>{spread.p50.toFixed(0)}</td>
      <td>{spread.p95.toFixed(0)}</td>
    </tr>
  );
}

/** Each step's delay on top of the one before. */
function plotted(place: HTMLElement, theme: Theme): uPlot {
  const ink = INK[theme];
  const axis = { stroke: ink, grid: { stroke: `${ink}33`, width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  const areas = STEPS.map(({ label, colour }) => ({ label, stroke: colour, fill: `${colour}33`, width: 1.5, points: { show: false } }));
  const options: uPlot.Options = {
    width: place.clientWidth,
    height: HEIGHT,
    cursor: { show: false },
    legend: { show: false },
    scales: { x: { time: false, range: (_, first) => [Math.min(first ?? -1, -1), 0] }, y: { range: (_, __, most) => [0, Math.max(20, most)] } },
    axes: [
      { ...axis, values: (_, ticks) => ticks.map((tick) => `${tick} s`), size: 26 },
      { ...axis, values: (_, ticks) => ticks.map((tick) => (tick < 1000 ? `${tick} ms` : `${tick / 1000} s`)), size: 52 },
    ],
    series: [{}, ...areas],
  };
  return new uPlot(options, [[], [], [], []], place);
}
