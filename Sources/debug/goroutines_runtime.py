# SPDX-License-Identifier: Apache-2.0
#
# The runtime, as a debugger sees it: Gs, Ms and Ps in the memory of a process or of a
# core file.
#
# Where the fields lie, and what numbers mean, is read from the table that the runtime
# fills when it starts (debug.swift). A stage that has no M or no P does not mention
# them. Nothing is ever written to the process, and nothing in it is called.
#
# What a debugger must offer is Debugger below.

import re
import shutil
import subprocess
import time

# struct gobuf in asm.h: registers in the debuggers' words, eight bytes each.
GOBUF = {
    "x86_64": ["rsp", "rbp", "rbx", "r12", "r13", "r14", "r15"],
    "aarch64": ["sp", "pc"] + ["x%d" % i for i in range(19, 30)],
}
POINTER, FRAME, COUNTER = 0, 1, 2
NAMES = {"x86_64": ("rsp", "rbp", "rip"), "aarch64": ("sp", "x29", "pc")}

# The most that makes sense; more is memory that something has overwritten.
MAX_CHUNKS = 4096
MAX_PS = 1024
MAX_MS = 100000
MAX_FRAMES = 10000

LIST_LIMIT = 1000

# What below asyncPreempt was interrupted: not at a call, as all else.
INTERRUPTED = object()


class Problem(Exception):
    """Why a command cannot be obeyed: one line for the user."""


class Unreadable(Exception):
    """There is no memory at this address."""


class Frame:
    """A function in progress. `text` is what a user is shown of its name; line is 0 where
    the debugger knows none; library: whether its code is not the program's own file's."""

    def __init__(self, sp, pc, name, text, file, line, library):
        self.sp, self.pc, self.name, self.text = sp, pc, name or "", text
        self.file, self.line, self.library = file, line, library
        if not file or file.endswith("<compiler-generated>"):
            self.line = 0


def module_of(name):
    """The Swift module of a function, by its name as the linker knows it or readable in
    full; "Swift" for what the compiler makes, "" for C."""
    mangled = re.match(r"\$s(S[a-z]+)?(\d+)(\w*)", name)
    if mangled:
        length = int(mangled[2])
        # A method of a type of the standard library: in whose extension?
        if mangled[1] and mangled[3][length : length + 1] != "E":
            return "Swift"
        return mangled[3][:length]
    if name.startswith("$s"):
        return "Swift"
    # Without what is in brackets, the outermost function is the one after the last `in`.
    bracket = re.compile(r"\([^()]*\)|<[^<>]*>")
    while bracket.search(name):
        name = bracket.sub("", name)
    qualified = re.search(r"(\w+)\.", name.rsplit(" in ", 1)[-1])
    return qualified[1] if qualified else ""


class Debugger:
    """What the rest of this file asks of a debugger."""

    # "x86_64" or "aarch64".
    architecture = None

    def symbol(self, name):
        """The address of a variable of the program, or None."""

    def read(self, address, size):
        """Bytes of memory. Raises Unreadable."""

    def threads(self):
        """A dictionary from the kernel's thread numbers to the debugger's threads."""

    def frames(self, thread):
        """The Frames of a thread, innermost first; inlined functions have their own."""

    def parked_frames(self, registers):
        """The Frames of a goroutine that is on no thread and has these registers."""

    def live(self):
        """Whether this is a process on this machine, and not a core file."""


class Memory:
    """Memory read a page at a time, and kept."""

    PAGE = 4096

    def __init__(self, debugger):
        self.debugger = debugger
        self.pages = {}

    def page(self, number):
        page = self.pages.get(number)
        if page is None:
            if len(self.pages) > 10000:
                self.pages.clear()
            page = bytes(self.debugger.read(number * self.PAGE, self.PAGE))
            self.pages[number] = page
        return page

    def bytes(self, address, size):
        try:
            result = b""
            while len(result) < size:
                page, offset = divmod(address + len(result), self.PAGE)
                result += self.page(page)[offset : offset + size - len(result)]
            return result
        except (Unreadable, OverflowError):
            raise Problem(
                "cannot read memory at %#x: has something been overwritten?" % address
            ) from None

    def number(self, address, size=8):
        return int.from_bytes(self.bytes(address, size), "little")

    def text(self, address):
        result = b""
        while not result.endswith(b"\0") and len(result) < 1000:
            result += self.bytes(address + len(result), 1)
        return result[:-1].decode("utf-8", "replace")


class Names:
    """Swift's mangled names in a text, made readable by the toolchain."""

    mangled = re.compile(r"\$s[0-9A-Za-z_$]+")

    def __init__(self):
        self.known = {}
        tool = shutil.which("swift-demangle")
        self.command = [tool] if tool else None
        if not tool and shutil.which("swift"):
            self.command = [shutil.which("swift"), "demangle"]

    def readable(self, text):
        unknown = sorted(set(self.mangled.findall(text)) - set(self.known))
        if unknown and self.command:
            try:
                output = subprocess.run(
                    self.command + ["--simplified"],
                    input="\n".join(unknown) + "\n",
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    universal_newlines=True,
                    check=True,
                ).stdout.splitlines()
                self.known.update(zip(unknown, output))
            except (OSError, subprocess.CalledProcessError):
                self.command = None
        return self.mangled.sub(lambda m: self.known.get(m[0], m[0]), text)


names = Names()


class G:
    """A goroutine: its address, and the fields that matter."""

    def __init__(self, runtime, address):
        get = runtime.get
        self.address = address
        self.status = get("G", address, "atomicstatus")
        self.id = get("G", address, "goid")
        self.m = get("G", address, "m", 0)
        self.lockedm = get("G", address, "lockedm", 0)
        self.waitreason = get("G", address, "waitreason")
        self.waitsince = get("G", address, "waitsince", 0)
        self.softlo = get("G", address, "softlo")
        self.lo = get("G", address, "stack.lo")
        self.hi = get("G", address, "stack.hi")
        self.issystem = get("G", address, "issystem", 0) != 0
        self.epoch = get("G", address, "epoch", runtime.epoch)


class Runtime:
    """The runtime in the process that is being debugged. Good until the process goes on."""

    def __init__(self, debugger):
        self.debugger = debugger
        self.memory = Memory(debugger)
        self.places = {}
        self.fields, self.objects, self.sizes = {}, {}, {}
        self.colours, self.texts, self.module = {}, {}, ""
        self.read_table()
        architecture = debugger.architecture
        if architecture not in GOBUF:
            raise Problem("goroutines on %s are not known here" % architecture)
        self.gobuf = GOBUF[architecture]
        self.registers = NAMES[architecture]
        self.gstatus = {text: n for n, text in self.texts["GStatus"].items()}
        self.sched = self.objects.get("sched")
        self.epoch = self.get("Schedt", self.sched, "epoch", 0)

    # The table.

    def read_table(self):
        if not self.debugger.threads():
            raise Problem("there is no process; run the program, or load a core file")
        table = self.debugger.symbol("clinux_debugtable")
        if table is None:
            raise Problem(
                "no runtime in this program (or no symbols: was it stripped?)"
            )
        number, text = self.memory.number, self.memory.text
        line = table
        while number(line) != 0:
            group, name = text(number(line)), text(number(line + 8))
            value, size = number(line + 16), number(line + 24)
            if group == "object":
                self.objects[name] = value
            elif group == "size":
                self.sizes[name] = value
            elif group == "colours":
                self.colours[size] = value
            elif group == "file":
                # MODULE/FILE
                self.module = name.split("/")[0]
            elif group in ("GStatus", "PStatus", "WaitReason"):
                self.texts.setdefault(group, {})[value] = name
            else:
                self.fields[group, name] = value, size
            line += 32
        if line == table:
            raise Problem("the runtime has not started yet")

    def get(self, kind, address, name, absent=None):
        """The number in a field; absent where this stage has no such field."""
        field = self.fields.get((kind, name))
        if field is None or address is None:
            return absent
        return self.memory.number(address + field[0], field[1])

    def at(self, kind, address, name):
        return address + self.fields[kind, name][0]

    # Goroutines.

    def every_g(self):
        """Every G there is, dead ones included: forEachG in stack.swift."""
        pool = self.objects["stackpool"]
        chunks = self.at("Stackpool", pool, "chunks")
        count = self.get("Stackpool", pool, "nchunks")
        if count > MAX_CHUNKS:
            raise Problem("%d chunks of stacks: something has been overwritten" % count)
        page, size, lines = (self.sizes[s] for s in ("page", "G", "lineColours"))
        for i in range(count):
            chunk = self.memory.number(chunks + 8 * i)
            base = self.get("Chunk", chunk, "base")
            window = self.get("Chunk", chunk, "window")
            before = self.get("Chunk", chunk, "before")
            colours = self.colours.get(window)
            if colours is None:
                raise Problem("a chunk of stacks makes no sense: has it been overwritten?")
            for j in range(self.get("Chunk", chunk, "used")):
                # Chunk.g
                k = before + j
                shift = k % colours * page + k // 3 % lines * 64 + size
                g = G(self, base + (j + 1) * window - shift)
                if g.status != self.gstatus["idle"]:
                    yield g

    def is_dead(self, g):
        return g.status == self.gstatus["dead"]

    def is_listed(self, g):
        """Whether numGoroutine counts it."""
        return not self.is_dead(g) and not g.issystem and g.epoch == self.epoch

    def listed(self):
        return sorted(filter(self.is_listed, self.every_g()), key=lambda g: g.id)

    def find(self, word):
        """The goroutine with this number, or at this address (0x...)."""
        if re.fullmatch(r"0x[0-9a-fA-F]+", word):
            found = [g for g in self.every_g() if g.address == int(word, 16)]
        elif re.fullmatch(r"[0-9]+", word):
            found = [g for g in self.every_g() if g.id == int(word) and self.is_listed(g)]
        else:
            raise Problem("'%s' is no goroutine's number" % word)
        if not found:
            raise Problem("there is no goroutine %s; `goroutines` lists them" % word)
        return found[0]

    def text(self, g):
        """Between the brackets of a dump: see header in panic.swift."""
        text = self.texts["GStatus"].get(g.status, "status %d" % g.status)
        waits = g.status == self.gstatus["waiting"]
        if waits and g.waitreason is not None:
            text = self.texts["WaitReason"].get(g.waitreason, "reason %d" % g.waitreason)
        if (waits or g.status == self.gstatus.get("syscall")) and g.waitsince:
            minutes = (self.now() - g.waitsince) // 60000000000
            if minutes >= 1:
                text += ", %d minutes" % minutes
        if g.lockedm:
            text += ", locked to thread"
        return text

    def now(self):
        """nanotime; of a core file the latest time that anybody has noted."""
        if self.debugger.live():
            return time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        if not hasattr(self, "last"):
            noted = [g.waitsince for g in self.every_g()]
            noted += [self.get("P", p, "schedwhen", 0) for p in self.ps()]
            self.last = max(noted + [self.get("Schedt", self.sched, "lastpoll", 0)])
        return self.last

    # Where they are.

    def thread(self, g):
        """The thread on which g is at this moment, or None: then saved(g) is good."""
        if not g.m:
            return None
        number = self.get("M", g.m, "procid", 0)
        thread = self.debugger.threads().get(number)
        if thread is None:
            raise Problem("goroutine %d is on thread %d, which is not here" % (g.id, number))
        # Its M may be on g0 for it, going to park it or about to run it; a handler of a
        # signal has a stack of its own, but on top of g's.
        if any(g.lo <= f.sp < g.hi for f in self.debugger.frames(thread)):
            return thread
        return None

    def saved(self, g):
        """The registers of g, which is on no thread, as mcall's caller will have them."""
        buf = self.at("G", g.address, "sched")
        values = {r: self.memory.number(buf + 8 * i) for i, r in enumerate(self.gobuf)}
        sp, _, pc = self.registers
        if not g.lo <= values[sp] < g.hi:
            raise Problem("goroutine %d: its stack pointer is not in its stack" % g.id)
        if pc not in values:
            # The return address is on the stack.
            values[pc] = self.memory.number(values[sp])
            values[sp] += 8
        return values

    def chain(self, g, saved):
        """Return addresses on g's stack, along frame pointers, innermost first."""
        _, fp, pc = (saved[r] for r in self.registers)
        for _ in range(MAX_FRAMES):
            yield pc
            if not (g.softlo <= fp <= g.hi - 16 and fp % 8 == 0):
                return
            pc = self.memory.number(fp + 8)
            older = self.memory.number(fp)
            if pc == 0 or older <= fp:
                return
            fp = older

    def is_program(self, frame):
        """Whether a function is the program's, and not the runtime's or a library's."""
        module = module_of(frame.name)
        if module == "":
            ours = re.match(r"swift_|clinux_|stage\d+_", frame.name)
            return frame.line != 0 and not frame.library and not ours
        if module in (self.module, "Swift", "Synchronization"):
            return False
        # Reabstraction thunks are named after the module that needs them.
        return not re.search(r"TR(TA)?(\.\d+)?$", frame.name)

    def place(self, g):
        """Where the program's own code is: "sieve.swift:31 in filter(_:_:_:)"."""
        try:
            thread = self.thread(g)
            if thread is not None:
                return self.spell(self.debugger.frames(thread)) or ""
            saved = self.saved(g)
        except Problem as problem:
            return "(%s)" % problem
        # Most goroutines are where others are: the debugger, which is slow, is asked for
        # the frames of one of them.
        asked = False
        for pc in self.chain(g, saved):
            if pc not in self.places and not asked:
                asked = True
                for frames in self.physical(self.debugger.parked_frames(saved)):
                    # lldb has a pc of its own for the function that one is inlined in.
                    place = self.spell(frames)
                    if any(f.name.endswith("asyncPreempt") for f in frames):
                        place = INTERRUPTED
                    for frame in frames:
                        self.places.setdefault(frame.pc, place)
            if self.places.get(pc) == INTERRUPTED:
                # Perhaps where a function has no frame pointer of its own yet.
                return self.spell(self.debugger.parked_frames(saved)) or ""
            if self.places.get(pc):
                return self.places[pc]
        return "not started" if g.status == self.gstatus["runnable"] else ""

    @staticmethod
    def physical(frames):
        """Inlined functions together with the one that they are in."""
        group = []
        for frame in frames:
            if group and frame.sp != group[0].sp:
                yield group
                group = []
            group.append(frame)
        if group:
            yield group

    def spell(self, frames):
        for f in filter(self.is_program, frames):
            where = "%s:%d " % (f.file.rsplit("/", 1)[-1], f.line) if f.line else ""
            return "%sin %s" % (where, f.text)
        return None

    # Ms and Ps.

    def ms(self):
        """All Ms, the first one made first."""
        if "allm" not in self.objects:
            raise Problem("this stage has no Ms")
        found = []
        m = self.memory.number(self.objects["allm"])
        while m:
            found.append(m)
            if len(found) > MAX_MS:
                raise Problem("the list of Ms has no end: something has been overwritten")
            m = self.get("M", m, "alllink")
        return sorted(found, key=lambda m: self.get("M", m, "id"))

    def idle_ms(self):
        found = set()
        m = self.get("Schedt", self.sched, "midle", 0)
        while m and m not in found:
            found.add(m)
            m = self.get("M", m, "schedlink")
        return found

    def ps(self):
        """All Ps, in order; the index is the id."""
        if "allp" not in self.objects:
            raise Problem("this stage has no Ps")
        found = []
        while len(found) < MAX_PS:
            p = self.memory.number(self.objects["allp"] + 8 * len(found))
            if not p:
                break
            found.append(p)
        return found

    def runq(self, p):
        """The Gs in a P's own queue, the next one first."""
        head, tail = self.get("P", p, "runqhead"), self.get("P", p, "runqtail")
        count = (tail - head) & 0xFFFFFFFF
        if count > 256:
            raise Problem("a run queue is longer than 256: something has been overwritten")
        slots = self.at("P", p, "runq")
        return [self.memory.number(slots + 8 * ((head + i) % 256)) for i in range(count)]

    def global_runq(self):
        ring = self.at("Schedt", self.sched, "runq")
        slots, capacity, first, size = (
            self.get("GRing", ring, name) for name in ("slots", "capacity", "first", "size")
        )
        return [
            self.memory.number(slots + 8 * ((first + i) % capacity)) for i in range(size)
        ]

    def ids(self, gs):
        return " ".join(str(self.get("G", g, "goid")) for g in gs)


# The commands that only print. `write` takes a line.


def list_goroutines(runtime, arguments, write):
    """goroutines [all] [-n N]"""
    every, limit = False, LIST_LIMIT
    words = arguments.split()
    while words:
        word = words.pop(0)
        if word == "all":
            every = True
        elif word == "-n" and words and re.fullmatch("[0-9]+", words[0]):
            limit = int(words.pop(0))
        else:
            raise Problem("usage: goroutines [all] [-n N]")
    gs = sorted(runtime.every_g(), key=lambda g: g.id) if every else runtime.listed()
    shown = gs[:limit] if limit else gs
    for start in range(0, len(shown), 1000):
        rows = [goroutine_row(runtime, g, every) for g in shown[start : start + 1000]]
        width = max(len(row[0]) for row in rows)
        lines = "\n".join(left.ljust(width) + "  " + right for left, right in rows)
        for line in names.readable(lines).split("\n"):
            write(line.rstrip())
    dead = sum(runtime.is_dead(g) for g in gs)
    total = "%d goroutines" % (len(gs) - dead) + (", %d dead" % dead if dead else "")
    if len(shown) < len(gs):
        total = "%d of %s; goroutines -n 0 lists all" % (len(shown), total)
    write(total)


def goroutine_row(runtime, g, every):
    runs = (runtime.gstatus.get(name) for name in ("running", "syscall"))
    mark = "*" if g.status in runs else " "
    left = "%s %5d  %s" % (mark, g.id, runtime.text(g))
    parts = ["%#x" % g.address] if every else []
    if not runtime.is_dead(g):
        parts.append(runtime.place(g))
    if g.m:
        p = runtime.get("M", g.m, "p")
        held = " P%d" % runtime.ps().index(p) if p else ""
        parts.append("M%d%s" % (runtime.get("M", g.m, "id"), held))
    if g.issystem:
        parts.append("(the runtime's own)")
    elif not runtime.is_dead(g) and g.epoch != runtime.epoch:
        parts.append("(of a run that is over)")
    return left, "  ".join(filter(None, parts))


def header(runtime, g):
    return "goroutine %d [%s]:" % (g.id, runtime.text(g))


def list_ps(runtime, write):
    """info P"""
    write("  P  status     M  goroutine  schedtick  syscalltick  queue")
    for i, p in enumerate(runtime.ps()):
        m = runtime.get("P", p, "m")
        g = runtime.get("M", m, "curg") if m else 0
        queue = runtime.runq(p)
        runnext = runtime.get("P", p, "runnext")
        parts = ["next " + runtime.ids([runnext])] if runnext else []
        parts += ["%d: %s" % (len(queue), runtime.ids(queue))] if queue else []
        status = runtime.get("P", p, "status")
        line = "%3d  %-7s  %3s  %9s  %9d  %11d  %s" % (
            i,
            runtime.texts["PStatus"].get(status, "status %d" % status),
            runtime.get("M", m, "id") if m else "",
            runtime.get("G", g, "goid") if g else "",
            runtime.get("P", p, "schedtick"),
            runtime.get("P", p, "syscalltick"),
            ", then ".join(parts),
        )
        write(line.rstrip())
    queue = runtime.global_runq()
    write("global queue: " + ("%d: %s" % (len(queue), runtime.ids(queue)) if queue else "empty"))
    if runtime.get("Schedt", runtime.sched, "gcwaiting", 0):
        write("the world is stopped, or about to be")


def list_ms(runtime, write):
    """info M"""
    write("  M   thread    P  goroutine")
    ps, idle = runtime.ps(), runtime.idle_ms()
    threads = runtime.debugger.threads()
    lines = []
    for m in runtime.ms():
        get = lambda name: runtime.get("M", m, name)
        curg, lockedg = get("curg"), get("lockedg")
        says = []
        if get("spinning"):
            says.append("spinning")
        if m in idle:
            says.append("idle")
        if lockedg:
            says.append("locked to goroutine %s" % runtime.ids([lockedg]))
        thread = threads.get(get("procid"))
        if get("procid") == 0:
            says.append("its thread has ended")
        elif not curg and thread is not None:
            says.append(activity(runtime, thread))
        line = "%3d  %7s  %3s  %9s  %s" % (
            get("id"),
            get("procid") or "",
            ps.index(get("p")) if get("p") else "",
            runtime.ids([curg]) if curg else "",
            ", ".join(filter(None, says)),
        )
        lines.append(line.rstrip())
    for line in lines:
        write(line)


def activity(runtime, thread):
    """What the runtime does on a thread without a goroutine: its inner functions."""
    found = []
    frames = runtime.debugger.frames(thread)
    own = [f.name for f in frames if not f.library and f.line and not runtime.is_program(f)]
    for name in names.readable("\n".join(own)).split("\n"):
        name = re.sub(r"^(@objc |closure #1 in |variable initialization expression of )+", "", name)
        name = re.sub(r"^(clinux_|stage\d+_)|\(.*", "", name)
        if name in ("mstart", "mcall_", "rt0_"):
            break
        if re.fullmatch(r"\w+", name) and (not found or found[-1] != name):
            found.append(name)
    return "in " + " < ".join(found[:5]) if found else ""
