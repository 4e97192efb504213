/** The ground under live people, of whom the future is not known. */

/** So many of the last frames tell where the ground is. */
const KEPT = 60;
/** The share of them whose lowest joint may be under it: jumps lift people, errors sink them. */
const LOW_SHARE = 0.25;
const ANKLE_HEIGHT_M = 0.08;
/** The ground goes to where it is found to be as if on a spring that needs so long. */
const SETTLING_MS = 500;

/** Places people in the world that is shown: the ground at y = 0, the first person seen in the middle. */
export class LiveGround {
  private readonly lowest: number[] = [];
  private origin: [number, number, number] | null = null;
  private last_ms = 0;

  /** Move joints (x, y, z each, y up) in place. All people of a frame at once. */
  settle(people: readonly Float32Array[], now_ms: number): void {
    const [first] = people;
    if (!first) return;
    const found = this.height(people);
    this.origin ??= [first[0]!, found, first[2]!];
    this.origin[1] += (found - this.origin[1]) * Math.min(1, (now_ms - this.last_ms) / SETTLING_MS);
    this.last_ms = now_ms;
    for (const joints of people) for (let i = 0; i < joints.length; i++) joints[i]! -= this.origin[i % 3]!;
  }

  private height(people: readonly Float32Array[]): number {
    this.lowest.push(Math.min(...people.map(lowestOf)));
    if (this.lowest.length > KEPT) this.lowest.shift();
    const sorted = [...this.lowest].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length * LOW_SHARE)]! - ANKLE_HEIGHT_M;
  }
}

function lowestOf(joints: Float32Array): number {
  let lowest = Infinity;
  for (let i = 1; i < joints.length; i += 3) lowest = Math.min(lowest, joints[i]!);
  return lowest;
}
