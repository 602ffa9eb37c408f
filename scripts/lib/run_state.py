# SPDX-License-Identifier: BSD-3-Clause
"""What scripts/run remembers of a network that --stay left up: private folders, no links followed, nothing removed that it did not make."""
import contextlib
import errno
import fcntl
import json
import os
import pwd
import secrets
import signal
import stat
import tempfile
import time

MARKER = "made-by-scripts-run"
STATE, LOCK = "network.json", "lock"
STATE_MAX = 1 << 16
PID_MAX = 1 << 22  # the kernel's own limit
SUN_PATH_MAX = 107  # bytes of a Unix socket's path, without the final zero
SOCKET_TAIL = len("/t1/ctl.sock")
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class StateError(Exception):
    """One sentence with cause and remedy."""


# ---- folders ---------------------------------------------------------------------------------------------------------
def open_directory(name, dir_fd=None):
    """A descriptor of a folder that is no symlink. OSError when it is one, or no folder."""
    return os.open(name, DIRECTORY, dir_fd=dir_fd)


def trusted_base(fd):
    """Whether nobody else can put something else in the place of what we make in this folder."""
    st = os.fstat(fd)
    if st.st_uid not in (0, os.geteuid()):
        return False
    return not st.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or bool(st.st_mode & stat.S_ISVTX)


def is_private(fd):
    st = os.fstat(fd)
    return st.st_uid == os.geteuid() and not st.st_mode & 0o077


def temporary_bases():
    return list(dict.fromkeys(d for d in (os.environ.get("TMPDIR"), "/tmp", "/var/tmp", "/dev/shm") if d))


def fixed_bases():
    """Where the private folder may stand whatever the environment says, best first."""
    where = ["/run/user/%d" % os.geteuid()]
    with contextlib.suppress(KeyError):
        where.append(os.path.join(pwd.getpwuid(os.geteuid()).pw_dir, ".cache"))
    return where + ["/tmp", "/var/tmp", "/dev/shm"]


def bases():
    """All places where the private folder may stand, best first; some of these may not exist or not be ours. TMPDIR comes last: --stop may be
    asked for where it is another."""
    where = [os.environ.get("XDG_RUNTIME_DIR"), *fixed_bases(), os.environ.get("TMPDIR")]
    return list(dict.fromkeys(d for d in where if d and os.path.isabs(d)))


def variables(base):
    """{name: value} without which --stop would not look in this base; mostly none."""
    if base in fixed_bases():
        return {}
    return next(({v: base} for v in ("XDG_RUNTIME_DIR", "TMPDIR") if os.environ.get(v) == base), {})


def private_name():
    return "coyo-run-%d" % os.geteuid()


def open_private(base, make):
    """Descriptor of the private folder in base, or None where there is none that can be trusted."""
    with contextlib.ExitStack() as stack:
        try:
            fd = open_directory(base)
        except OSError:
            return None
        stack.callback(os.close, fd)
        if not trusted_base(fd):
            return None
        if make:
            with contextlib.suppress(OSError):
                os.mkdir(private_name(), 0o700, dir_fd=fd)
        try:
            own = open_directory(private_name(), fd)
        except OSError:
            return None
    if is_private(own):
        return own
    os.close(own)
    return None


def new_network_folder():
    """A fresh folder for a network, marked as made here; NetError-like StateError when no place will do."""
    why = []
    for base in temporary_bases():
        try:
            fd = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)  # /tmp itself may be a link of the administrator's
        except OSError as e:
            why.append("%s: %s" % (base, e.strerror))
            continue
        try:
            if not trusted_base(fd):
                why.append("%s: others may replace what is made there" % base)
                continue
            path = tempfile.mkdtemp(prefix="coyo-run-", dir=os.path.abspath(base))
        except OSError as e:
            why.append("%s: %s" % (base, e.strerror))
            continue
        finally:
            os.close(fd)
        if len(os.fsencode(path)) + SOCKET_TAIL > SUN_PATH_MAX:
            os.rmdir(path)
            why.append("%s: too long for a Unix socket's path" % base)
            continue
        return path, mark(path)
    raise StateError("no folder can be made for the network's files (%s); set TMPDIR to one with a short name that you may write to"
                     % "; ".join(why))


def mark(path):
    """Puts the marker into a folder just made; returns the record by which it is known again."""
    fd = open_directory(path)
    try:
        st = os.fstat(fd)
        record = {"path": path, "dev": st.st_dev, "ino": st.st_ino, "token": secrets.token_hex(16)}
        out = os.open(MARKER, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=fd)
        with os.fdopen(out, "w", encoding="ascii") as f:
            json.dump({"name": os.path.basename(path), "token": record["token"]}, f)
    finally:
        os.close(fd)
    return record


def read_own_file(name, dir_fd):
    """The text of a plain file of ours that has no other name. OSError or StateError otherwise."""
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=dir_fd)
    with os.fdopen(fd, encoding="utf-8") as f:
        st = os.fstat(fd)
        if not stat.S_ISREG(st.st_mode) or st.st_uid != os.geteuid() or st.st_nlink != 1 or st.st_size > STATE_MAX:
            raise StateError("%s is not a plain file of yours" % name)
        return f.read(STATE_MAX)


def empty(fd):
    """Removes what is in an opened folder, never through a link, never on another file system."""
    here = os.fstat(fd).st_dev
    with os.scandir(fd) as entries:
        names = [(e.name, e.is_dir(follow_symlinks=False)) for e in entries]
    for name, folder in names:
        if not folder:
            os.unlink(name, dir_fd=fd)
            continue
        sub = open_directory(name, fd)
        try:
            if os.fstat(sub).st_dev != here:
                raise StateError("%s is on another file system" % name)
            empty(sub)
        finally:
            os.close(sub)
        os.rmdir(name, dir_fd=fd)


def remove_network_folder(record):
    """Removes a folder that new_network_folder() made, and no other; False when it is gone already. StateError when it is another."""
    parent, name = os.path.split(record["path"])
    try:
        above = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        try:
            fd = open_directory(name, above)
        except FileNotFoundError:
            return False
        except OSError as e:
            raise StateError("%s is not the folder that scripts/run made; it is left alone" % record["path"]) from e
        try:
            if not is_ours(fd, name, record):
                raise StateError("%s is not the folder that scripts/run made; it is left alone" % record["path"])
            empty(fd)
        finally:
            os.close(fd)
        os.rmdir(name, dir_fd=above)
        return True
    finally:
        os.close(above)


def is_ours(fd, name, record):
    st = os.fstat(fd)
    if not is_private(fd) or (st.st_dev, st.st_ino) != (record["dev"], record["ino"]):
        return False
    try:
        marker = json.loads(read_own_file(MARKER, fd))
    except (OSError, ValueError, StateError):
        return False
    return isinstance(marker, dict) and marker.get("name") == name and marker.get("token") == record["token"]


# ---- processes -------------------------------------------------------------------------------------------------------
def start_time(pid):
    """When a process began, in the kernel's ticks since boot; None when there is none."""
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as f:
            return int(f.read().rsplit(")", 1)[1].split()[19])
    except (OSError, IndexError, ValueError):
        return None


def program_of(pid):
    """The file that a process runs, by which it is known also when that was moved, replaced or deleted meanwhile; None when there is none."""
    try:
        st = os.stat("/proc/%d/exe" % pid)
    except OSError:
        return None
    return [st.st_dev, st.st_ino]


def still_ours(process):
    """Whether this is yet the process that was started: number, start and program."""
    try:
        if os.stat("/proc/%d" % process["pid"]).st_uid != os.geteuid():
            return False
    except OSError:
        return False
    return start_time(process["pid"]) == process["start"] and program_of(process["pid"]) == process["program"]


def send(process, sig):
    """A signal to the process that was started, and to no other that has its number by now."""
    try:
        fd = os.pidfd_open(process["pid"])
    except OSError:
        return False
    try:
        if not still_ours(process):
            return False
        signal.pidfd_send_signal(fd, sig)
        return True
    except OSError:
        return False
    finally:
        os.close(fd)


def end_processes(processes):
    """SIGTERM, then SIGKILL after 10 s; how many there were."""
    there = [p for p in processes if send(p, signal.SIGTERM)]
    end = time.monotonic() + 10
    while any(still_ours(p) for p in there) and time.monotonic() < end:
        time.sleep(0.05)
    for p in there:
        send(p, signal.SIGKILL)
    while any(still_ours(p) for p in there) and time.monotonic() < end + 5:
        time.sleep(0.05)
    return len(there)


# ---- the state -------------------------------------------------------------------------------------------------------
def checked(state):
    """The state as read, when every part of it is of the right kind; else StateError."""
    def kind(ok):
        if not ok:
            raise StateError("the state of an earlier --stay is damaged")
    kind(isinstance(state, dict) and isinstance(state.get("dir"), dict))
    folder, processes = state["dir"], state.get("processes")
    kind(all(isinstance(folder.get(k), t) for k, t in (("path", str), ("dev", int), ("ino", int), ("token", str))))
    kind(os.path.isabs(folder["path"]) and os.path.basename(folder["path"]).startswith("coyo-run-"))
    kind(b"\0" not in os.fsencode(folder["path"]))
    kind(isinstance(processes, list) and all(isinstance(p, dict) and isinstance(p.get("pid"), int) and 1 < p["pid"] <= PID_MAX
                                             and isinstance(p.get("start"), int) and isinstance(p.get("program"), list) for p in processes))
    return state


class State:
    """The private folder, locked: one scripts/run --stay or --stop at a time."""

    def __init__(self, base, fd):
        self.fd, self.base, self.path = fd, base, os.path.join(base, private_name())
        self.lock = self._locked()

    def _locked(self):
        while True:
            try:
                fd = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=self.fd)
            except OSError as e:
                if e.errno in (errno.EROFS, errno.ENOSPC, errno.EDQUOT):
                    raise
                why = "it is a link" if e.errno == errno.ELOOP else e.strerror
                raise StateError("%s/%s cannot be used (%s); remove it by hand" % (self.path, LOCK, why)) from e
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                there = os.stat(LOCK, dir_fd=self.fd, follow_symlinks=False)
            except BlockingIOError as e:
                os.close(fd)
                raise StateError("another scripts/run --stay or --stop is at work; try again when it is done") from e
            except FileNotFoundError:
                os.close(fd)  # whoever had it has just removed it
                continue
            if (there.st_dev, there.st_ino) == (os.fstat(fd).st_dev, os.fstat(fd).st_ino):
                return fd
            os.close(fd)

    def read(self):
        """What --stay left, or None."""
        try:
            return checked(json.loads(read_own_file(STATE, self.fd)))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError, StateError) as e:
            raise StateError("%s/%s cannot be used (%s); remove it by hand" % (self.path, STATE, e)) from e

    def write(self, state):
        out = os.open(STATE + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=self.fd)
        with os.fdopen(out, "w", encoding="utf-8") as f:
            json.dump(state, f)
        os.rename(STATE + ".new", STATE, src_dir_fd=self.fd, dst_dir_fd=self.fd)

    def close(self, forget=False):
        """forget: nothing is left to be remembered, the folder goes as well."""
        for name in (STATE, STATE + ".new", LOCK) if forget else ():
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=self.fd)
        os.close(self.lock)
        os.close(self.fd)
        if forget:
            with contextlib.suppress(OSError):
                os.rmdir(self.path)  # only when it is empty


def open_state():
    """Made where there is none yet. The first place that can be used is taken, and one with a state in it before all others."""
    found = find_state()
    if found:
        return found
    for base in bases():
        fd = open_private(base, make=True)
        if fd is None:
            continue
        try:
            return State(base, fd)
        except OSError:  # read-only, or full
            os.close(fd)
    raise StateError("no private folder can be made in any of %s; set XDG_RUNTIME_DIR to a folder of yours" % ", ".join(bases()))


def find_state():
    """The one that holds a state, or None."""
    for base in bases():
        fd = open_private(base, make=False)
        if fd is None:
            continue
        try:
            os.stat(STATE, dir_fd=fd, follow_symlinks=False)
        except OSError:
            os.close(fd)
            continue
        return State(base, fd)
    return None


def remembered(folder, processes):
    """processes: {name: pid}; one that has ended meanwhile is left out."""
    rows = [{"name": n, "pid": p, "start": start_time(p), "program": program_of(p)} for n, p in processes.items()]
    return {"dir": folder, "processes": [r for r in rows if r["start"] is not None and r["program"] is not None]}


def stop():
    """Takes down what --stay left. Returns the sentence to be told."""
    state = find_state()
    if not state:
        return "No network was left running."
    known = None
    try:
        known = state.read()
        n = end_processes(known["processes"])
        remove_network_folder(known["dir"])
    except StateError:
        # Of what cannot be trusted nothing is removed but the note that names it, once its processes are gone.
        state.close(forget=known is not None)
        raise
    state.close(forget=True)
    return "Stopped %d nodes; nothing is left." % n
