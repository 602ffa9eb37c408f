#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What `meson install` leaves: headers that compile alone and libraries that link, in C and in C++, with what pkg-config says; a unit and a
sample that name the paths that were installed to. Usage: tests/e2e/installed.py BUILD"""
import os
import re
import shutil
import site
import subprocess
import sys
import tempfile

import lib
from lib import check, coyonet

PROGRAMS = {
    "libcoyo": ("#include <coyo.h>\nint main(void)\n{\n\tunsigned char id[COYO_ID_BYTES];\n\tchar why[COYO_WHY_MAX];\n"
                "\treturn coyo_parse_id(\"x\", id, why) < 0 && why[0] ? 0 : 1;\n}\n"),
    "libcoyo-stack": ("#include <coyo_stack.h>\n#include <stdlib.h>\nint main(void)\n{\n\tchar *err;\n\tstruct coyo_stack *s = "
                      "coyo_stack_start(\"\", &err);\n\tint wrong = s || !err;\n\tfree(err);\n\treturn wrong;\n}\n"),
    "coyotcp": ("#include <coyo/tcp/tcp.h>\nint main(void)\n{\n\tstruct tcp_cfg cfg;\n\ttcp_cfg_default(&cfg);\n"
                "\treturn tcp_stack_size(&cfg) > 0 && instant_reached(INSTANT_NEVER, instant_add(INSTANT_NEVER, 1)) ? 0 : 1;\n}\n"),
}


def sh(*words, **kw):
    r = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **kw)
    return r.returncode, r.stdout.strip()


def pkg_config(dest, prefix, *words):
    where = [d for d, _, names in os.walk(dest + prefix) if any(n.endswith(".pc") for n in names)]
    status, said = sh("pkg-config", *words, env=dict(os.environ, PKG_CONFIG_PATH=":".join(where), PKG_CONFIG_SYSROOT_DIR=dest))
    check(status == 0, "pkg-config %s: %s" % (" ".join(words), said))
    return said.split()


def compilers():
    """(name, command, file ending) of those that are here."""
    rows = [("C", ["cc", "-std=c11"], "c"), ("C", ["clang", "-std=c11"], "c"), ("C++", ["c++"], "cc"), ("C++", ["clang++"], "cc")]
    return [r for r in rows if shutil.which(r[1][0])]


def headers(dest, prefix, scratch):
    """Each alone, included as it lies below the include folder, with the flags of the package that it belongs to."""
    top, n = dest + prefix + "/include", 0
    for d, _, names in os.walk(top):
        for h in sorted(os.path.relpath(os.path.join(d, x), top) for x in names):
            flags = pkg_config(dest, prefix, "--cflags", "coyotcp" if h.startswith("coyo/") else "libcoyo")
            for name, cc, end in compilers():
                path = os.path.join(scratch, "h." + end)
                with open(path, "w", encoding="ascii") as f:
                    f.write("#include <%s>\n#include <%s>\n" % (h, h))
                status, said = sh(*cc, "-Wall", "-Wextra", "-Werror", *flags, "-fsyntax-only", path)
                if status != 0:
                    check(False, "<%s> in %s by %s: %s" % (h, name, cc[0], said[:1000]))
            n += 1
    check(n >= 5, "%d headers compile alone by %s" % (n, ", ".join(c[0] for _, c, _ in compilers())))


def programs(dest, prefix, scratch):
    for package, text in PROGRAMS.items():
        flags = pkg_config(dest, prefix, "--cflags", "--libs", package)
        # pkg-config leaves standard folders out; below a sysroot they are none.
        dirs = {d for d, _, names in os.walk(dest + prefix) if any(x.startswith("lib") and x.endswith((".so", ".a")) for x in names)}
        for name, cc, end in compilers():
            src, out = os.path.join(scratch, "p." + end), os.path.join(scratch, "p")
            with open(src, "w", encoding="ascii") as f:
                f.write(text)
            status, said = sh(*cc, src, "-o", out, "-I" + dest + prefix + "/include", *flags, *("-L" + d for d in dirs))
            check(status == 0, "a program in %s links %s by %s%s" % (name, package, cc[0], ": " + said[:1000] if status else ""))
            status, said = sh(out, env=dict(os.environ, LD_LIBRARY_PATH=":".join(dirs)))
            check(status == 0, "and runs")


def module(dest):
    """The Python package, with the library that was installed beside it."""
    at = [d for d, _, names in os.walk(dest) if os.path.basename(d) == "coyo" and "__init__.py" in names]
    libs = [d for d, _, names in os.walk(dest) if "libcoyo.so.0" in names]
    env = dict(os.environ, PYTHONPATH=os.path.dirname(at[0]) if at else "", LD_LIBRARY_PATH=":".join(libs), PYTHONDONTWRITEBYTECODE="1")
    status, said = sh(sys.executable, "-c", "import coyo; print(len(coyo.format_id(bytes(64))))", env=env)
    check(status == 0 and said == "108", "Python imports coyo%s" % (": " + said[-1000:] if status else ""))
    if sys.executable.startswith("/usr/bin/"):
        check(os.path.dirname(at[0])[len(dest):] in site.getsitepackages(), "which lies where Debian's Python looks")


def newcomer(dest, prefix, scratch):
    """README's lines from install to own echo, but for the first, which installs; as an ordinary user."""
    with open(os.path.join(coyonet.ROOT, "README.md"), encoding="utf-8") as f:
        text = f.read().split("### Your own program", 1)[1].split("\n\n")[1]
    lines = [x.strip() for x in text.split("\n")]
    check("meson install" in lines[0], "README installs first")
    top = dest + prefix
    libs = ":".join(d for d, _, names in os.walk(top) if "libcoyo.so.0" in names)
    configs = ":".join(d for d, _, names in os.walk(top) if "libcoyo.pc" in names)
    env = dict(os.environ, HOME=scratch, PATH="%s/bin:%s/sbin:%s" % (top, top, os.environ["PATH"]), PKG_CONFIG_PATH=configs, PKG_CONFIG_SYSROOT_DIR=dest,
               LD_LIBRARY_PATH=libs, LIBRARY_PATH=libs, CPATH=top + "/include", PYTHONDONTWRITEBYTECODE="1")
    env["PYTHONPATH"] = next(os.path.dirname(d) for d, _, names in os.walk(dest) if os.path.basename(d) == "coyo" and "__init__.py" in names)
    waits = 'for i in $(seq 300); do %s && break; sleep 0.1; done\n'
    script = ["set -e", "trap 'kill $(jobs -p)' EXIT"]
    for line in lines[1:]:
        script.append(line)
        if line.startswith("coyod"):
            script.append(waits % "[ -S app.sock ]")
        if line.startswith("./echo"):
            script.append(waits % "coyoctl -s ctl.sock show connections | grep -q 7000")
    script += ["python3 echo.py 7001 &", waits % "coyoctl -s ctl.sock show connections | grep -q 7001",
               "python3 echo.py $(coyo id key | sed -n 's/^id *//p') 7001 'hello from Python'"]
    nobody = coyonet.daemon_user()
    who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []} if nobody else {}
    for folder in (dest, scratch):
        os.chmod(folder, 0o777 if folder == scratch else 0o755)
    r = subprocess.run(["bash", "-c", "\n".join(script)], cwd=coyonet.ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       text=True, timeout=100, check=False, start_new_session=True, **who)
    got = r.stdout.splitlines()
    check(r.returncode == 0 and "hello" in got and "hello from Python" in got and any(re.fullmatch("listening on [a-z2-7]{108} 7000", x) for x in got),
          "README's own echo, as it stands%s" % (": " + r.stdout[-500:] + r.stderr[-1000:] if r.returncode else ""))


def paths(dest, prefix):
    found = {x: os.path.join(d, x) for d, _, names in os.walk(dest) for x in names}
    with open(found["coyod.service"], encoding="utf-8") as f:
        unit = f.read()
    for program, conf in re.findall(r"^ExecStart(?:Pre)?=(\S+).* -c (\S+)$", unit, flags=re.M):
        check(os.access(dest + program, os.X_OK), "the unit starts %s, which is installed" % program)
        check(os.path.isdir(dest + os.path.dirname(conf)), "with %s, whose folder is" % conf)
        with open(dest + os.path.dirname(conf) + "/coyod.conf.sample", encoding="utf-8") as f:
            keys = re.findall(r"^key = (.*)$", f.read(), flags=re.M)
        check([os.path.dirname(k) for k in keys] == [os.path.dirname(conf)], "and the sample there has its key beside it: %s" % keys)


def main():
    build = lib.build_dir()
    if lib.sanitized():
        lib.skip("programs that are not sanitized cannot link libraries that are")
    for tool in ("meson", "pkg-config", "cc"):
        if not shutil.which(tool):
            lib.skip("%s is not here" % tool)
    with tempfile.TemporaryDirectory(prefix="coyo-", dir="/tmp") as dest, tempfile.TemporaryDirectory(prefix="coyo-", dir="/tmp") as scratch:
        status, said = sh("meson", "install", "--no-rebuild", "-C", build, "--destdir", dest)
        check(status == 0, "meson install%s" % (": " + said[-1000:] if status else ""))
        tops = [d for d, _, names in os.walk(dest) if "coyo.h" in names]
        prefix = os.path.dirname(tops[0])[len(dest):]
        headers(dest, prefix, scratch)
        programs(dest, prefix, scratch)
        module(dest)
        newcomer(dest, prefix, scratch)
        paths(dest, prefix)


main()
