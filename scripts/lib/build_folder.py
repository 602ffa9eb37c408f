#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What scripts/build has to do with a folder, in one word and perhaps a reason: build_folder.py DIR [MESON OPTION...]

  empty            nothing is there yet
  foreign NAME     it holds something that meson did not make: nothing in it may be removed
  wipe REASON      it was configured for something that has changed since, so begin again
  change           it fits, but for the options that are wanted now
  same             it fits

build_folder.py --whose DIR says `foreign NAME` as above, else `ours`: where DIR is empty, or not there, and where it has the lock of
scripts/build, so that another build may be at work in it and only the holder of the lock can judge further; `closed WHY` where it cannot be looked into.
Nothing is changed by either.
"""
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys

sys.dont_write_bytecode = True
LOCK = ".lock"  # scripts/build's own: plain and empty
NOT_MESONS = {LOCK, "fresh"}  # that, and the roots that scripts/fresh keeps
HALF_MADE = {"meson-info", "meson-logs", "meson-private", "meson-uninstalled", "build.ninja", ".gitignore", ".hgignore",
             "compile_commands.json", ".ninja_log", ".ninja_deps"}  # what stands in a folder that meson did not finish


def read(folder, name):
    with open(os.path.join(folder, "meson-info", name), encoding="utf-8") as f:
        return json.load(f)


def said(*command):
    """First line that a command prints, empty where there is no such command."""
    try:
        out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True, check=False).stdout
    except OSError:
        return ""
    return out.split("\n")[0].strip()


def without_cache(command):
    return command[1:] if command and os.path.basename(command[0]) == "ccache" else command


def compiler_changed(folder):
    """Why the compiler that the folder was made with is not today's, or None."""
    try:
        with open(os.path.join(folder, "meson-logs", "meson-log.txt"), encoding="utf-8", errors="replace") as f:
            found = re.findall(r'^C compiler for the host machine: (.*) \(\S+ \S+ "(.*)"\)$', f.read(), re.M)
    except OSError:
        found = []
    if not found:
        return "the record of its compiler is gone"
    command, version = shlex.split(found[-1][0]), found[-1][1]
    gone = [w for w in command if not w.startswith("-") and not shutil.which(w)]
    if gone:
        return "%s, which it was made with, is no longer there" % gone[0]
    wanted = without_cache(shlex.split(os.environ.get("CC") or "cc"))
    now = said(*wanted, "--version")
    if now and now.partition(" ")[2] != version.partition(" ")[2]:  # the first word is the name it was called by
        return "it was made with %s, now it is %s" % (version, now)
    return None


def equal(value, wanted):
    if isinstance(value, list):
        return value == shlex.split(wanted)
    if isinstance(value, bool):
        return value == (wanted.lower() == "true")
    return str(value) == wanted


def project():
    """The name in this project's meson.build."""
    with open("meson.build", encoding="utf-8") as f:
        return re.search(r"project\(\s*'([^']*)'", f.read()).group(1)


def lock_of(folder, names):
    """Whether the folder has the lock of scripts/build: True, False, or None where something else has its name."""
    if LOCK not in names:
        return False
    st = os.lstat(os.path.join(folder, LOCK))
    return True if stat.S_ISREG(st.st_mode) and not st.st_size else None


def not_ours(folder, names):
    """The name of what scripts/build did not make, or None."""
    if lock_of(folder, names) is None:
        return LOCK
    names = names - NOT_MESONS
    if names and not names & {"meson-private", "meson-info"}:
        return min(names)
    try:
        name = read(folder, "intro-projectinfo.json")["descriptive_name"]
        read(folder, "meson-info.json")
        read(folder, "intro-buildoptions.json")
    except (OSError, ValueError, KeyError):
        return min(names - HALF_MADE, default=None)
    return "a build of %s" % name if name != project() else None


def whose(folder):
    try:
        names = set(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return "ours"
    except OSError as e:
        return "closed " + e.strerror
    foreign = None if lock_of(folder, names) else not_ours(folder, names)
    return "foreign " + foreign if foreign else "ours"


def verdict(folder, options):
    names = set(os.listdir(folder))
    foreign = not_ours(folder, names)
    if foreign:
        return "foreign " + foreign
    if not names - NOT_MESONS:
        return "empty"
    try:
        info = read(folder, "meson-info.json")
        have = {o["name"]: o["value"] for o in read(folder, "intro-buildoptions.json")}
        made = info["directories"]
        version = info["meson_version"]["full"]
        read(folder, "intro-projectinfo.json")
    except (OSError, ValueError, KeyError):
        return "wipe it was never configured to the end"
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        return "wipe it was never configured to the end"
    for what, then, now in (("of the sources", made["source"], os.getcwd()), ("of its own", made["build"], folder)):
        if os.path.realpath(then) != os.path.realpath(now):
            return "wipe it was made for another place %s, %s" % (what, then)
    if version != said("meson", "--version"):
        return "wipe it was made by meson %s" % version
    why = compiler_changed(folder)
    if why:
        return "wipe " + why
    for o in options:
        name, _, value = o[2:].partition("=")
        if name not in have or not equal(have[name], value):
            return "change"
    return "same"


if __name__ == "__main__":
    print(whose(sys.argv[2]) if sys.argv[1] == "--whose" else verdict(sys.argv[1], sys.argv[2:]))
