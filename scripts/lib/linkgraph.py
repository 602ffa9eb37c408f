# SPDX-License-Identifier: BSD-3-Clause
"""Rooms, their order (scripts/lib/rooms), and who really uses whom: object files' symbols, includes, types named in headers."""
import collections
import json
import os
import re
import subprocess

ROOMS = "scripts/lib/rooms"
INCLUDE = re.compile(r"^[ \t]*(?:#|%:)[ \t]*(?:include|include_next|import)\b[ \t]*(.*)$", re.M)
INCLUDED = re.compile(r'"([^"]+)"|<([^>]+)>')
TYPE_MADE = re.compile(r"\b(?:struct|union|enum)\s+(\w+)\s*(?:COYO_\w+(?:\([^)]*\))?\s*)?\{")
TYPE_NAMED = re.compile(r"\b(?:struct|union|enum)\s+(\w+)")


class Stale(Exception):
    """There is no build to read, or it is older than the sources."""


NO_TEXT = "\ufffd"  # in place of what is not UTF-8


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def strip(text):
    return re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|//[^\n]*', " ", text, flags=re.S)


def included(text):
    """[name] of what a file includes, in quotes or angle brackets; None in place of a name that only the preprocessor knows."""
    # Comments go, strings stay.
    text = re.sub(r'''/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'''', lambda m: " " if m.group(0)[0] == "/" else m.group(0),
                  text.replace("\\\n", ""), flags=re.S)
    found = [INCLUDED.match(rest) for rest in INCLUDE.findall(text)]
    return [(m.group(1) or m.group(2)) if m else None for m in found]


class Rooms:
    def __init__(self):
        self.rank, self.order, self.apart, self.only, self.uses, self.pure, self.context = {}, {}, set(), {}, {}, set(), set()
        self.circle_max = 0
        self.api = {}
        self.allowed, self.circles = set(), collections.Counter()
        for n, line in enumerate(read(ROOMS).split("\n"), 1):
            words = line.replace(":", " ", 1).split()
            if not words or words[0].startswith("#"):
                continue
            if words[0] == "order":
                self._order(words[1], " ".join(words[2:]))
            elif words[0] == "apart":
                self.apart |= {"%s/%s" % (words[1], r) for r in words[2:]}
            elif words[0] == "only":
                self.only[words[1]] = {"%s/%s" % (words[1].split("/")[0], r) for r in words[2:]}
            elif words[0] == "context":
                self.context |= set(words[1:])
            elif words[0] == "uses":
                self.uses[words[1]] = set(words[2:])
            elif words[0] == "pure":
                self.pure |= set(words[1:])
            elif words[0] == "api" and len(words) == 3:
                self.api[words[1]] = words[2]
            elif words[0] == "circle_max":
                self.circle_max = int(words[1])
            elif words[0] == "circle":
                self.circles[words[1], int(words[2])] += 1
            elif words[0] in ("call", "include", "type") and len(words) == 3:
                self.allowed.add(tuple(words))
            else:
                raise ValueError("%s:%d: not understood: %s" % (ROOMS, n, line.strip()))

    def _order(self, plane, text):
        self.order[plane] = []
        for height, level in enumerate(text.split("<")):
            for room in level.split("|"):
                self.rank["%s/%s" % (plane, room.strip())] = height
                self.order[plane].append(room.strip())

    def room_of(self, path):
        """`plane/room`, or None outside the planes."""
        words = path.split("/")
        if words[0] not in self.order:
            return None
        if len(words) > 3 and "/".join(words[1:3]) in self.order[words[0]]:
            return "/".join(words[:3])
        return "%s/%s" % (words[0], words[1] if len(words) > 2 else ".")

    def may_include(self, a, b):
        """The same of a header."""
        if a != b and a in self.only and b is not None and a.split("/")[0] == b.split("/")[0] and b not in self.only[a]:
            return False
        return self.may(a, b)

    def may(self, a, b):
        """True when room a may use room b."""
        if a == b or a is None or b is None:
            return True
        if a.split("/")[0] == b.split("/")[0]:
            if a in self.apart or b in self.apart:
                return False
            return a in self.rank and b in self.rank and self.rank[b] < self.rank[a]
        given = self.uses.get(a, self.uses.get(a.split("/")[0], set()))
        return b in given or b.split("/")[0] in given


def sources(root="."):
    """Every source and header of the planes."""
    for plane in ("common", "config", "controlplane", "dataplane"):
        for folder, _, names in os.walk(os.path.join(root, plane)):
            for n in sorted(names):
                if n.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(folder, n), root)


def latest(includes):
    """A function: when a file, or a header that it includes by whatever way, was last written."""
    to = collections.defaultdict(list)
    for a, b in includes:
        to[a].append(b)

    def when(path):
        seen, left = {path}, [path]
        while left:
            new = [h for h in to[left.pop()] if h not in seen]
            seen.update(new)
            left += new
        return max(map(os.path.getmtime, seen))
    return when


def objects(build, written=os.path.getmtime, home="."):
    """{source: object file} of what the build is made of now; what was removed is in no list. written: see latest(). home: the folder that was
    built, where another holds the sources to be looked at. Raises Stale."""
    listing = os.path.join(build, "compile_commands.json")
    if not os.path.exists(listing):
        raise Stale("%s is no build folder: scripts/build makes one, --build-dir names another" % build)
    out, old = {}, []
    for e in json.loads(read(listing)):
        src = os.path.relpath(os.path.normpath(os.path.join(e["directory"], e["file"])), home)
        obj = os.path.join(e["directory"], e["output"])
        if src.split("/")[0] in ("common", "config", "controlplane", "dataplane") and src not in out and os.path.exists(src):
            if os.path.exists(obj) and os.path.getmtime(obj) >= written(src):
                out[src] = obj
            else:
                old.append(src)
    old = [s for s in old if s not in out] + [s for s in sources() if s.endswith(".c") and s not in out and s not in old]
    if old:
        raise Stale("%s is older than %s%s: scripts/build first" % (build, old[0], " and %d more" % (len(old) - 1) if old[1:] else ""))
    return out


def call_edges(build, includes=(), home="."):
    """{(source, source): {symbols}}: the first needs what the second defines, code or data. An object file that is older than a header of
    includes (include_edges()) does not do."""
    obj = objects(build, latest(includes), home)
    source_of = {o: s for s, o in obj.items()}
    try:
        r = subprocess.run(["nm", "-A", "-P", *obj.values()], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    except FileNotFoundError:
        raise Stale("nm is missing; scripts/install test brings binutils") from None
    defined, wanted = collections.defaultdict(set), collections.defaultdict(set)
    for line in r.stdout.split("\n"):
        words = line.split()
        if len(words) < 3:
            continue
        src = source_of[words[0].rstrip(":")]
        if words[2] in "Uwv":
            wanted[src].add(words[1])
        elif words[2].isupper() and words[1] != "main":
            defined[words[1]].add(src)
    if not defined:
        raise Stale("nm reads no symbol in %s" % build)
    edges = collections.defaultdict(set)
    for src, names in wanted.items():
        for name in names:
            for to in defined.get(name, ()):
                if to != src:
                    edges[src, to].add(name)
    return edges


CALLED = re.compile(r"(?<![\w.])(?<!->)([A-Za-z_]\w*)\s*\(")


def text_calls(text_of, defined):
    """call_edges() as far as the text tells: calls of functions by name. defined: [(file, function, whether only that file sees it)]."""
    makers, own = collections.defaultdict(set), collections.defaultdict(set)
    for path, name, local in defined:
        own[path].add(name)
        if not local:
            makers[name].add(path)
    edges = collections.defaultdict(set)
    for path, text in text_of.items():
        for name in set(CALLED.findall(strip(text))) - own[path]:
            for to in makers.get(name, ()):
                edges[path, to].add(name)
    return edges


def include_edges(rooms, text_of):
    """{(file, file)} by includes within the planes, in quotes or angle brackets. text_of {path: text} gets whatever else is included, by any
    name, for instance a table of rows."""
    edges, left = set(), list(text_of)
    while left:
        path = left.pop()
        for name in included(text_of[path]):
            for root in (os.path.dirname(path), path.split("/")[0], *rooms.order) if name else ():
                to = os.path.normpath(os.path.join(root, name))
                if to not in text_of and rooms.room_of(to) and os.path.isfile(to):
                    text_of[to] = read(to)
                    left.append(to)
                if to in text_of:
                    edges.add((path, to))
                    break
    return edges


def type_edges(rooms, text_of):
    """{(header, tag): makers}: a header names a type that is made above it only. Names of the other planes do not count. A plane's own
    folder is its face: what it hands out may be made anywhere in the plane."""
    made, code_of = collections.defaultdict(set), {p: strip(t) for p, t in text_of.items()}
    for path, code in code_of.items():
        for tag in TYPE_MADE.findall(code):
            made[tag].add(path)
    edges = {}
    for path, code in code_of.items():
        here = rooms.room_of(path)
        if not path.endswith(".h") or path in rooms.context or here.endswith("/."):
            continue
        for tag in set(TYPE_NAMED.findall(code)):
            makers = {m for m in made.get(tag, ()) if m.split("/")[0] in (path.split("/")[0], "common")}
            if makers and not any(rooms.may(here, rooms.room_of(m)) for m in makers):
                edges[path, tag] = makers
    return edges


def circles(edges):
    """Strongly connected components of more than one file, largest first (Tarjan, without recursion)."""
    to = collections.defaultdict(list)
    for a, b in edges:
        to[a].append(b)
    index, low, on, stack, out = {}, {}, set(), [], []
    for start in sorted(to):
        if start in index:
            continue
        work = [(start, iter(to[start]))]
        index[start] = low[start] = len(index)
        stack.append(start)
        on.add(start)
        while work:
            node, rest = work[-1]
            for nxt in rest:
                if nxt not in index:
                    index[nxt] = low[nxt] = len(index)
                    stack.append(nxt)
                    on.add(nxt)
                    work.append((nxt, iter(to[nxt])))
                    break
                if nxt in on:
                    low[node] = min(low[node], index[nxt])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    part = []
                    while not part or part[-1] != node:
                        part.append(stack.pop())
                        on.discard(part[-1])
                    if len(part) > 1:
                        out.append(sorted(part))
    return sorted(out, key=lambda c: (-len(c), c))


def idle_functions(declared, text_of, outside):
    """[(header, name, used)] of declared ((header, name) each) that no other source or header of the planes names. used: the file that defines it
    does, besides defining it. One that is used there and that the texts of outside (tests) name, too, is not among them."""
    words = {p: collections.Counter(re.findall(r"\w+", strip(t))) for p, t in text_of.items()}
    where = collections.defaultdict(set)
    for p, count in words.items():
        for w in count:
            where[w].add(p)
    tested = set()
    for t in outside:
        tested.update(re.findall(r"\w+", t))
    out = []
    for header, name in declared:
        # A macro of the header may stand for the call: then the header names it more than once.
        others = where[name] - {header}
        if words[header][name] > 1 or len(others) > 1:
            continue
        used = any(words[p][name] > 1 for p in others)
        inline = not others
        defined_here = any(p.endswith(".c") and re.search(r"^\w[^;{}=\n]*\b%s\(" % name, text_of[p], re.M) for p in others)
        if inline or (defined_here and not (used and name in tested)):
            out.append((header, name, used))
    return out


class Graph:
    """Everything that crosses the order, ready to be compared with what is still allowed."""

    def __init__(self, rooms, build, defined=None, home="."):
        """defined: gives what text_calls() wants, so that a build that is missing or old is no reason to stop; self.stale says so, calls are
        those that the text tells, and circles are not looked at. home: see objects()."""
        self.rooms = rooms
        text_of = {p: read(p) for p in sources()}
        self.stale = None
        includes = include_edges(rooms, text_of)
        try:
            self.calls = call_edges(build, includes, home)
        except Stale as e:
            if not defined:
                raise
            self.calls, self.stale = text_calls(text_of, defined()), str(e)
        self.files = len(text_of)
        self.computed = sorted(p for p, text in text_of.items() if None in included(text))
        self.sizes = collections.Counter(map(rooms.room_of, text_of))
        self.up = {}  # (kind, file, file or tag) -> why: symbols or makers
        for (a, b), names in self.calls.items():
            if not rooms.may(rooms.room_of(a), rooms.room_of(b)):
                self.up["call", a, b] = sorted(names)
        for a, b in includes:
            if not rooms.may_include(rooms.room_of(a), rooms.room_of(b)):
                self.up["include", a, b] = []
        for (a, tag), makers in type_edges(rooms, text_of).items():
            self.up["type", a, tag] = sorted(makers)
        self.circles = circles(self.calls)
        self.bad_circles = [c for c in self.circles if len(c) > rooms.circle_max or len({os.path.dirname(f) for f in c}) > 1]
        self.unknown = sorted({r for r in map(rooms.room_of, text_of) if r not in rooms.rank and r not in rooms.apart})
        self.room_circles = circles({(rooms.room_of(a), rooms.room_of(b)) for a, b in self.calls if rooms.room_of(a) != rooms.room_of(b)})

    def row_problems(self):
        """[(what, message)]: what crosses the order without a row, and rows that nothing needs any more."""
        out = [(p, "includes a file whose name only the preprocessor knows") for p in self.computed]
        for key in sorted(set(self.up) - self.rooms.allowed):
            kind, a, b = key
            why = ", ".join(self.up[key][:6]) + (" ..." if len(self.up[key]) > 6 else "")
            out.append((a, {"call": "calls up or aside into %s: %s", "include": "includes %s, which is not below it%s",
                            "type": "names struct %s, which is made above it in %s"}[kind] % (b, why)))
        for key in sorted(self.rooms.allowed - set(self.up)):
            if self.stale and key[0] == "call":
                continue
            out.append((ROOMS, "the row `%s` is needed no more; scripts/check --shrink removes it" % " ".join(key)))
        return out

    def circle_rows(self):
        """Compares circles with their rows: (circles without one, rows that should say less, rows to remove)."""
        rows = sorted(self.rooms.circles.elements(), reverse=True)
        left, new, less = [], [], []
        for c in self.bad_circles:
            row = (c[0].split("/")[0], len(c))
            if row in rows:
                rows.remove(row)
            else:
                left.append((row, c))
        for row, c in left:
            larger = [r for r in rows if r[0] == row[0] and r[1] > row[1]]
            if larger:
                rows.remove(larger[-1])
                less.append((larger[-1], row))
            else:
                new.append(c)
        return new, less, rows

    def circle_problems(self):
        if self.stale:
            return []
        new, less, gone = self.circle_rows()
        out = [(c[0], "a circle of %d files, the limit is %d in one folder: %s" % (len(c), self.rooms.circle_max, " ".join(c))) for c in new]
        out += [(ROOMS, "the row `circle %s %d` should say %d; scripts/check --shrink does it" % (*row, now[1])) for row, now in less]
        out += [(ROOMS, "the row `circle %s %d` is needed no more; scripts/check --shrink removes it" % row) for row in gone]
        return out

    def shrink(self):
        """Takes out of the file what is needed no more. Returns how many rows changed; never adds one."""
        _, less, gone = self.circle_rows()
        replace = {"circle %s %d" % row: None for row in gone}
        replace.update({"circle %s %d" % row: "circle %s %d" % now for row, now in less})
        replace.update({" ".join(key): None for key in self.rooms.allowed - set(self.up)})
        lines = read(ROOMS).split("\n")
        out, changed = [], 0
        for line in lines:
            if line in replace:
                changed += 1
                line = replace.pop(line)
            if line is not None:
                out.append(line)
        if changed:
            with open(ROOMS, "w", encoding="utf-8") as f:
                f.write("\n".join(out))
        return changed

    def text(self, part):
        """The rooms, what crosses the order, and the circles; part: only what touches this room, folder or file."""
        mine = lambda *paths: not part or any(p == part or p.startswith(part.rstrip("/") + "/") for p in paths)  # noqa: E731
        out = []
        for plane, order in self.rooms.order.items():
            names = order + [a.split("/", 1)[1] for a in sorted(self.rooms.apart) if a.startswith(plane + "/")]
            out.append("%s: %s" % (plane, "  ".join("%s (%d)" % (r, self.sizes["%s/%s" % (plane, r)]) for r in names)))
        for kind, title in (("call", "calls up or aside, with the symbols to cut"), ("include", "includes up or aside"),
                            ("type", "types named below where they are made")):
            rows = [(k, v) for k, v in sorted(self.up.items()) if k[0] == kind and mine(k[1], k[2])]
            out.append("\n%s: %d" % (title, len(rows)))
            out += ["  %s -> %s%s%s" % (k[1], k[2], ": " + " ".join(v) if v else "", "" if k in self.rooms.allowed else "   NEW")
                    for k, v in rows]
        out.append("\ncircles of rooms: %s" % ("; ".join(" ".join(c) for c in self.room_circles) or "none"))
        out.append("circles of files: %s" % (" ".join(str(len(c)) for c in self.circles) or "none"))
        for c in self.circles:
            if not mine(*c):
                continue
            out.append("\na circle of %d%s" % (len(c), "" if c in self.bad_circles else " (within the limit)"))
            out += ["  %s -> %s: %s" % (a, b, " ".join(sorted(names))) for (a, b), names in sorted(self.calls.items())
                    if a in c and b in c and mine(a, b)]
        return "\n".join(out)
