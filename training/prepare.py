"""Turn motion capture into the file that training reads: ``python -m training.prepare cmu``."""

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from service.errors import PoseliftError
from training.datasets.archives import opened
from training.datasets.cmu import HELD_OUT, Fault, prepare
from training.datasets.download import CMU_SITE, download
from training.datasets.motion import MotionSet


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.prepare", description=sys.modules[__name__].__doc__
    )
    datasets = parser.add_subparsers(dest="dataset", required=True, metavar="DATASET")
    cmu = datasets.add_parser(
        "cmu",
        help="the CMU Graphics Lab Motion Capture Database",
        description="Read ASF/AMC, BVH and plain positions; check every clip; map it to the "
        "joints of Human3.6M and five points of the face, in metres, y up; write one file. What "
        "fails a check is left out and reported.",
        epilog="The data's own words: \"The data used in this project was obtained from "
        'mocap.cs.cmu.edu. The database was created with funding from NSF EIA-0196217."',
    )
    cmu.add_argument(
        "--source",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="a folder (searched to its depth), a zip or tar archive, or a file; may be repeated",
    )
    cmu.add_argument(
        "--download",
        nargs="*",
        metavar="CLIP",
        help="fetch these clips (02_01 …) with their skeletons, or, with none named, the whole "
        "database as one archive, and use them as a source; goes on where it was interrupted",
    )
    cmu.add_argument(
        "--download-to",
        type=Path,
        default=Path("data/cmu"),
        metavar="DIR",
        help="default: %(default)s",
    )
    cmu.add_argument(
        "--base-url", default=CMU_SITE, metavar="URL", help="where from; default: %(default)s"
    )
    cmu.add_argument(
        "--output",
        type=Path,
        default=Path("data/cmu.npz"),
        metavar="FILE",
        help="default: %(default)s",
    )
    cmu.add_argument(
        "--fps", type=_rate, default=50.0, help="frames per second; default: %(default)g"
    )
    cmu.add_argument(
        "--held-out",
        nargs="+",
        default=list(HELD_OUT),
        metavar="SUBJECT",
        help=f"whole subjects to keep from training; default: {' '.join(HELD_OUT)}",
    )
    return parser


def _rate(text: str) -> float:
    rate = float(text)
    if not 1.0 <= rate <= 1000.0:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 1000")
    return rate


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when a file was written, 2 when not."""
    parser = _parser()
    options = parser.parse_args(arguments)
    sources = list(options.source)
    try:
        if options.download is not None:
            sources += _downloaded(options)
        if not sources:
            parser.error("cmu: give a --source or --download")
        with opened(sources) as places:
            motions, faults = prepare(places, options.fps, options.held_out)
        motions.save(options.output)
    except KeyboardInterrupt:
        print("stopped; what was downloaded is kept", file=sys.stderr)
        return 2
    except PoseliftError as error:
        print(f"error: {error.detail}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    _report(motions, faults, options.held_out)
    print(f"written: {options.output}")
    return 0


def _downloaded(options: argparse.Namespace) -> list[Path]:
    """The sources that a download leaves: the clips' folder, or the archive."""
    files = download(options.download_to, options.download, options.base_url)
    return [options.download_to / "subjects"] if options.download else files


def _report(motions: MotionSet, faults: Iterable[Fault], held_out: Sequence[str]) -> None:
    for fault in faults:
        print(f"left out: {fault.clip.name} ({fault.clip.source}): {fault.reason}")
    frames: dict[str, Counter[str]] = defaultdict(Counter)
    for index, source in enumerate(motions.sources):
        side = "held out" if motions.held_out[index] else "training"
        frames[source].update({side: len(motions.clip(index)), "clips": 1})
    for source, count in frames.items():
        print(
            f"{source}: {count['clips']} clips, {count['training']} frames for training, "
            f"{count['held out']} held out"
        )
    total = len(motions.positions)
    kept = sum(count["held out"] for count in frames.values())
    print(
        f"all: {len(motions)} clips, {total} frames at {motions.fps:g} fps "
        f"({total / motions.fps / 60:.0f} min), {kept} ({kept / total:.1%}) held out"
    )
    if absent := set(held_out) - set(motions.subjects):
        print(f"held-out subjects not in the sources: {' '.join(sorted(absent))}")


if __name__ == "__main__":
    sys.exit(main())
