"""The project as a whole: import rules, no work on import, and files that agree with each other."""

import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from poselift.formats import FORMATS
from poselift.readers.registry import READERS
from poselift.writers.formats import WRITERS
from training.config.sections import MOTION_SETTINGS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def tracked():
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_imports_go_in_the_directions_the_architecture_says():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", ["poselift", "service.__main__"])
def test_nothing_is_imported_before_it_is_needed(module):
    """Neither training, nor what reads videos and files, nor ONNX Runtime before a model is loaded.

    The library alone needs nothing of a server or a client either.
    """
    heavy = ("torch", "training", "onnxruntime", "onnx", "scipy", "matplotlib", "pandas")
    heavy += ("av", "PIL", "h5py", "pyarrow", "cyclopts", "rich")
    if module == "poselift":
        heavy += ("fastapi", "grpc", "httpx", "redis", "google.protobuf", "pydantic_settings")
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_grpc_is_told_what_to_log_before_it_is_imported():
    code = (
        "import os, sys\n"
        "def see(name, details):\n"
        "    if (name, details[:1]) == ('import', ('grpc',)):\n"
        "        print(os.environ.get('GRPC_VERBOSITY'))\n"
        "sys.addaudithook(see)\n"
        "import service.__main__\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) == {"ERROR"}


def test_serving_installs_no_torch_and_one_onnx_runtime_of_one_version():
    extras = PROJECT["project"]["optional-dependencies"]
    needs = PROJECT["project"]["dependencies"] + extras["cpu"] + extras["serve"]
    assert not any("torch" in need for need in needs)
    (cpu,), (gpu,) = extras["cpu"], extras["gpu"]
    assert cpu.startswith("onnxruntime==")
    assert gpu.startswith("onnxruntime-gpu[cuda,cudnn]==")
    assert cpu.split("==")[1] == gpu.split("==")[1]


def test_the_changelog_speaks_of_this_version():
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == PROJECT["project"]["version"]


def test_compose_builds_existing_files():
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert set(compose["services"]) == {"poselift", "redis"}
    build = compose["services"]["poselift"]["build"]
    assert (ROOT / build["context"] / build["dockerfile"]).is_file()


@pytest.mark.parametrize("runtime", ["cpu", "gpu"])
def test_the_images_packages_are_locked_as_the_project_wants_them(runtime):
    """Otherwise: make lock."""
    lock = (ROOT / "deploy" / f"{runtime}.lock").read_text()
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+) \\\n    --hash=sha256:", lock, re.MULTILINE))
    assert len(locked) == len(re.findall(r"^\w", lock, re.MULTILINE))
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = PROJECT["project"]["dependencies"], *map(extras.get, (runtime, "serve", "traces"))
    for requirement in map(Requirement, chain.from_iterable(wanted)):
        assert locked[requirement.name.lower()] in requirement.specifier, requirement


def test_nothing_is_deployed_with_a_default_key_or_open_to_all():
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    variables = compose["services"]["poselift"]["environment"]
    assert variables["POSELIFT_API_KEYS"].startswith("${POSELIFT_API_KEYS:?")
    deployment, *_ = yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert "POSELIFT_API_KEYS_FILE" in {each["name"] for each in container["env"]}
    for file in [ROOT / "docker-compose.yml", *(ROOT / "deploy").iterdir()]:
        if file.is_file():
            assert "ALLOW_ANONYMOUS" not in file.read_text()
    for file in (ROOT / "deploy").glob("*.Dockerfile"):
        assert "ENV POSELIFT_API_KEYS" not in file.read_text()


@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_containers_copy_existing_files_that_are_not_ignored(name):
    text = (ROOT / "deploy" / f"{name}.Dockerfile").read_text()
    let_in = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().split()
        if line.startswith("!")
    }
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for source in line.split():
            assert (ROOT / source).exists()
            assert source in let_in


def test_links_between_documents_exist():
    for document in [*ROOT.glob("*.md"), *ROOT.glob("*/*.md")]:
        if ".venv" in document.parts:
            continue
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_the_files_and_methods_that_documents_name_exist(name):
    text = (ROOT / name).read_text()
    files = [f"/{file.relative_to(ROOT)}" for file in tracked()]
    for named in re.findall(r"`([a-z0-9_./]+\.(?:py|md|toml|yml|proto))`", text):
        assert any(file.endswith(f"/{named}") for file in files), named
    code = "\n".join(file.read_text() for file in tracked() if file.suffix == ".py")
    for owner, method in re.findall(r"`([A-Z][a-z]\w*)\.(\w+)`", text):
        assert f"class {owner}" in code, owner
        assert f"def {method}(" in code, method


@pytest.mark.parametrize(
    ("document", "heading", "members"),
    [
        ("formats", "## Keypoint formats", list(FORMATS)),
        ("formats", "## Output formats", list(WRITERS)),
        (
            "training",
            "## Augmentation",
            [f"--{name.replace('_', '-')}" for name in MOTION_SETTINGS],
        ),
    ],
)
def test_tables_have_a_row_for_every_member(document, heading, members):
    text = (ROOT / "docs" / f"{document}.md").read_text().partition(heading)[2].partition("\n##")[0]
    first_cells = " ".join(re.findall(r"^\| (.*?) \|", text, re.MULTILINE))
    assert set(re.findall(r"`([^`]+)`", first_cells)) == set(members)


def test_the_page_of_formats_has_the_media_types():
    page = (ROOT / "docs" / "formats.md").read_text().partition("## Output formats")[2]
    rows = dict(re.findall(r"^\| `(\.[^`]+)` \| .* \|(?: `([^`]+)`)? \|$", page, re.MULTILINE))
    assert rows == {ending: each.media_type or "" for ending, each in WRITERS.items()}


def test_the_page_of_readers_has_a_row_for_each_in_its_own_words():
    page = (ROOT / "docs" / "readers.md").read_text()
    rows = re.findall(r"^\| .* \| `.*` \|$", page, re.MULTILINE)
    assert rows == [f"| {reader.reads} | `{reader.name}` |" for reader in READERS]


def test_no_file_contains_a_path_of_one_machine():
    private = re.compile(r"/(work|root|home)/[a-z]|/tmp/[a-z]+\.[a-z]")
    for file in tracked():
        if file.suffix in {".py", ".md", ".toml", ".yml", ".proto", ".json"} or not file.suffix:
            found = private.search(file.read_text())
            assert file == Path(__file__) or not found, f"{file}: {found}"


def test_model_files_stay_under_20_megabytes():
    for file in (ROOT / "poselift" / "models").rglob("*"):
        assert file.stat().st_size < 20_000_000, file


@pytest.mark.parametrize("name", ["causal243", "causal243-light", "symmetric243"])
def test_model_pages_have_the_results_of_the_suite(name):
    suite = (ROOT / "MODELS.md").read_text().partition("<!-- suite: begin -->")[2]
    measured = _column(suite, name)
    page = _column((ROOT / "docs" / "models" / f"{name}.md").read_text(), name)
    assert len(page) > 10
    assert page == {condition: measured[condition] for condition in page}


def _column(text, name):
    """Cells of the tables' column of that name, by the first cell of their rows."""
    cells, column = {}, None
    for line in text.splitlines():
        row = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            column = None
        elif column is None:
            column = row.index(name) if name in row else 0
        elif column:
            cells[row[0]] = row[column]
    cells.pop("---", None)
    return cells


def test_on_kubernetes_models_have_as_many_threads_as_cores_are_requested():
    """The service itself sees all cores of the node."""
    deployment, *_ = yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert int(container["resources"]["requests"]["cpu"]) > 0
    (threads,) = [each for each in container["env"] if each["name"] == "POSELIFT_THREADS"]
    assert threads["valueFrom"] == {"resourceFieldRef": {"resource": "requests.cpu"}}


@pytest.mark.parametrize("folder", ["docs", "deploy", "service", "examples", ""])
def test_examples_of_key_files_have_no_hash_that_opens_a_service(folder):
    """It may be copied as it stands, and anyone may know the key that it is of."""
    for file in (ROOT / folder).glob("**/*" if folder else "*"):
        if file.suffix in {".md", ".py", ".toml", ".yaml", ".yml"}:
            entry = re.search(r"sha256\s*[=:]\s*[\"'][0-9a-fA-F]{64}[\"']", file.read_text())
            assert entry is None, f"{file}: {entry}"
