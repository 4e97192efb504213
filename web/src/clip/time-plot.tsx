/** Values through the clip, with a line where the timeline is; a click goes there. */

import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { usePage } from "../state/store-context";
import type { Store } from "../state/store";

export interface PlottedSeries {
  label: string;
  /** One for each frame of `store.timing`, null where there is none. */
  values: readonly (number | null)[];
  colour?: string;
}

interface TimePlotProps {
  /** For screen readers. */
  label: string;
  unit: string;
  /** The plot is made anew whenever this is another array: keep it. */
  series: readonly PlottedSeries[];
  height?: number;
}

const INK = { light: "#4a5568", dark: "#a9b4c4" } as const;
const TICKS_APART_PX = 24;
const LINE_COLOURS = ["#2f86d1", "#ef8a17", "#34a884", "#c26da9"];

export function TimePlot({ label, unit, series, height = 130 }: TimePlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const { store } = usePage();
  useEffect(() => draw(place.current!, store, { unit, series, height }), [series, store.theme.value, store.timing.value]);
  return (
    <>
      <div ref={place} class="plot" role="img" aria-label={label} />
      {series.length > 1 && <Legend unit={unit} series={series} />}
    </>
  );
}

/** The lines' names, and their values in the frame that is shown. */
function Legend({ unit, series }: Pick<TimePlotProps, "unit" | "series">) {
  const { timing, readableFrame } = usePage().store;
  const index = readableFrame.value - (timing.value?.first ?? 0);
  return (
    <ul class="plot-legend">
      {series.map((each, place) => (
        <li key={each.label}>
          <span class="swatch" style={{ background: colourOf(each, place) }} /> {each.label}{" "}
          <span class="figure">{inUnits(each.values[index], unit)}</span>
        </li>
      ))}
    </ul>
  );
}

function inUnits(value: number | null | undefined, unit: string): string {
  return value === null || value === undefined ? "–" : `${Math.round(value)}${unit === "°" ? "" : " "}${unit}`;
}

function colourOf({ colour }: PlottedSeries, index: number): string {
  return colour ?? LINE_COLOURS[index % LINE_COLOURS.length]!;
}

function draw(place: HTMLElement, store: Store, { unit, series, height }: Required<Omit<TimePlotProps, "label">>): () => void {
  const ink = INK[store.theme.peek()];
  const axis = { stroke: ink, grid: { stroke: `${ink}33`, width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  const options: uPlot.Options = {
    width: place.clientWidth,
    height,
    cursor: { y: false, drag: { x: false, y: false } },
    legend: { show: false },
    scales: { x: { time: false } },
    axes: [
      { ...axis, values: (_, ticks) => ticks.map((tick) => `${tick} s`), size: 26 },
      { ...axis, values: (_, ticks) => ticks.map((tick) => inUnits(tick, unit)), size: 48, space: TICKS_APART_PX },
    ],
    series: [
      {},
      ...series.map((each, index) => ({
        label: each.label,
        stroke: colourOf(each, index),
        width: 1.5,
        points: { show: false },
      })),
    ],
    hooks: { draw: [(plot) => drawNow(plot, store.time.peek(), ink)] },
  };
  const times = Array.from(store.timing.peek()?.times ?? []);
  const plot = new uPlot(options, [times, ...series.map(({ values }) => [...values])], place);
  plot.over.addEventListener("click", () => {
    const index = plot.cursor.idx;
    if (index !== null && index !== undefined) store.time.value = times[index]!;
  });
  const observer = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height }));
  observer.observe(place);
  const stop = effect(() => (store.time.value, plot.redraw(false)));
  return () => (stop(), observer.disconnect(), plot.destroy());
}

function drawNow(plot: uPlot, time: number, ink: string): void {
  const { ctx, bbox } = plot;
  const x = plot.valToPos(time, "x", true);
  ctx.save();
  ctx.strokeStyle = ink;
  ctx.lineWidth = globalThis.devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}
