#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What programs that are built already rely on, against the committed list (libcoyo.abi): the symbols of libcoyo.so with their versions, and the layouts
of coyo.h and of the segment; and that coyo_socket(3) tells of every call. New lines are an extension; a line that is gone or different breaks somebody, and needs a new version.

usage: test_abi.py LIBRARY LAYOUT-PROGRAM [--renew]
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
MANUAL = os.path.join(HERE, "../../../../common/libcoyo/coyo_socket.3")
ELSEWHERE = ("coyo_client_", "coyo_parse_id", "coyo_format_id", "coyo_resolve", "coyo_socket_path",  # coyo.h alone tells of them
             "coyo_private_")  # between our own libraries
LIST = os.path.join(HERE, "libcoyo.abi")


def out(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()


def main():
    library, layout = sys.argv[1:3]
    symbols = sorted("symbol " + line.split()[-1] for line in out("nm", "-D", "--defined-only", library) if " A " not in line)
    now = symbols + out(layout)
    if "--renew" in sys.argv:
        with open(LIST, "w", encoding="ascii") as f:
            f.write("\n".join(now) + "\n")
        return 0
    with open(LIST, encoding="ascii") as f:
        committed = f.read().splitlines()
    for line in committed:
        if line not in now:
            print("gone, or different: %s" % line)
    for line in now:
        if line not in committed:
            print("not in the list: %s" % line)
    with open(MANUAL, encoding="utf-8") as f:
        manual = f.read()
    calls = [s.split()[-1].split("@")[0] for s in symbols]
    silent = [c for c in calls if not c.startswith(ELSEWHERE) and "\\fB%s\\fR(" % c not in manual]
    for c in silent:
        print("coyo_socket.3 says nothing of %s" % c)
    if committed == now and not silent:
        print("%d symbols, %d sizes, places and numbers: as committed" % (len(symbols), len(now) - len(symbols)))
        return 0
    print("Where that is meant: %s LIBRARY LAYOUT-PROGRAM --renew" % sys.argv[0])
    return 1


if __name__ == "__main__":
    sys.exit(main())
