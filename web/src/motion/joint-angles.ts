/** Reads OpenSim's motion files (.mot). */

export interface JointAngles {
  /** From one row to the next. */
  step_s: number;
  /** Degrees, by the coordinate's name. */
  columns: ReadonlyMap<string, Float64Array>;
}

/** The columns of a motion file whose rows are even in time. */
export function jointAngles(text: string): JointAngles {
  const lines = text.slice(text.indexOf("endheader")).trim().split("\n").slice(1);
  const names = lines[0]!.split("\t");
  const rows = lines.slice(1).map((line) => line.split("\t").map(Number));
  const columns = new Map(names.map((name, column) => [name.trim(), Float64Array.from(rows, (row) => row[column]!)]));
  const times = columns.get("time")!;
  return { step_s: times.length > 1 ? times[1]! - times[0]! : 1, columns };
}
