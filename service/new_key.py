"""Makes an API key: ``python -m service.new_key NAME FILE``."""

import argparse
import secrets
import sys
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from service.keys import KeyFileError, KeyName, KeyRing, hash_of

_PREFIX = "poselift_"
_BYTES = 32


def main() -> int:
    """Add a new key to a key file, and print it: nothing can show it again."""
    parser = argparse.ArgumentParser(prog="python -m service.new_key", description=main.__doc__)
    parser.add_argument("name", help="who the key is for; one name may have several keys")
    parser.add_argument("file", type=Path, help="the key file; made where there is none")
    given = parser.parse_args()
    try:
        TypeAdapter(KeyName).validate_python(given.name)
    except ValidationError:
        parser.error(f"a name has letters, digits, '.', '_' and '-', found {given.name!r}")
    try:
        key = _added(given.name, given.file)
    except (KeyFileError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(f"{key}\n")
    return 0


def _added(name: str, file: Path) -> str:
    if file.exists() and file.stat().st_size:
        KeyRing.of_file(file)  # nothing is added to what cannot be read
    else:
        file.touch(mode=0o600)
    key = _PREFIX + secrets.token_urlsafe(_BYTES)
    with file.open("a") as entries:
        entries.write(f'\n[[keys]]\nname = "{name}"\nsha256 = "{hash_of(key)}"\n')
    return key


if __name__ == "__main__":
    sys.exit(main())
