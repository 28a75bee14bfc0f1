# SPDX-License-Identifier: Apache-2.0
#
# Goroutines in gdb.
#
# A goroutine that is on no thread is shown by an unwinder: asked for the caller of the
# selected thread's innermost frame, it answers with the registers that the goroutine
# has saved. So every command that looks at frames works, in a core file as well, and
# no register of the process is touched.

import gdb
import gdb.unwinder
from goroutines_runtime import (
    Debugger,
    Frame,
    Problem,
    Runtime,
    Unreadable,
    header,
    list_goroutines,
    list_ms,
    list_ps,
    names,
)


class Gdb(Debugger):
    def __init__(self):
        self.inferior = gdb.selected_inferior()
        self.known = {t.ptid[1]: t for t in self.inferior.threads()}
        self.architecture = None
        if self.known:
            name = self.inferior.architecture().name()
            self.architecture = "x86_64" if "x86-64" in name else name
        self.seen = {}

    def symbol(self, name):
        try:
            return int(gdb.parse_and_eval("(unsigned long) &" + name))
        except gdb.error:
            return None

    def read(self, address, size):
        try:
            return self.inferior.read_memory(address, size)
        except (gdb.MemoryError, gdb.error):
            raise Unreadable from None

    def threads(self):
        return self.known

    def frames(self, thread):
        if thread.num not in self.seen:
            with Selection():
                thread.switch()
                self.seen[thread.num] = list(self.walk(gdb.newest_frame()))
        return self.seen[thread.num]

    def parked_frames(self, registers):
        with parked(registers):
            return list(self.walk(gdb.newest_frame().older()))

    @staticmethod
    def walk(frame):
        while frame is not None and frame.is_valid():
            sal = frame.find_sal()
            file = sal.symtab.filename if sal.symtab else None
            name = frame.name()
            sp = int(frame.read_register("sp")) & (1 << 64) - 1
            library = gdb.solib_name(frame.pc()) is not None
            yield Frame(sp, frame.pc(), name, name, file, sal.line, library)
            frame = frame.older()

    def live(self):
        connection = getattr(self.inferior, "connection", None)
        return connection is not None and connection.type == "native"


class Selection:
    """Puts back the thread and the frame that were selected."""

    def __enter__(self):
        self.thread = gdb.selected_thread()
        self.frame = gdb.selected_frame() if self.thread else None

    def __exit__(self, *_):
        if self.thread is not None and self.thread.is_valid():
            self.thread.switch()
        if self.frame is not None and self.frame.is_valid():
            self.frame.select()


class FrameId:
    def __init__(self, sp, pc):
        self.sp = sp
        self.pc = pc


class Parked(gdb.unwinder.Unwinder):
    """`with parked(registers)`: the frames of a goroutine, from frame 1 on, in place of
    the selected thread's."""

    def __init__(self):
        super().__init__("goroutine")
        self.enabled = False

    def __call__(self, *arguments):
        # gdb calls it with a frame.
        if isinstance(arguments[0], gdb.PendingFrame):
            return self.unwind(*arguments)
        self.registers = arguments[0]
        return self

    def __enter__(self):
        self.selection = Selection()
        self.selection.__enter__()
        frame = gdb.newest_frame()
        self.pc, self.sp = ("rip", "rsp") if "rip" in self.registers else ("pc", "sp")
        self.innermost = frame.pc(), int(frame.read_register(self.sp))
        self.enabled = True
        gdb.invalidate_cached_frames()

    def __exit__(self, *exception):
        self.enabled = False
        gdb.invalidate_cached_frames()
        self.selection.__exit__(*exception)

    def unwind(self, pending):
        pc, sp = pending.read_register(self.pc), pending.read_register(self.sp)
        if (int(pc), int(sp)) != self.innermost:
            return None
        # Just below the goroutine's frames: stacks must seem to grow in one direction.
        below = gdb.Value((self.registers[self.sp] - 16).to_bytes(8, "little"), sp.type)
        info = pending.create_unwind_info(FrameId(below, pc))
        for name, value in self.registers.items():
            kind = pending.read_register(name).type
            info.add_saved_register(name, gdb.Value(value.to_bytes(8, "little"), kind))
        return info


parked = Parked()


class WithoutFirst:
    """A frame filter: the innermost frame is the thread's, not the goroutine's."""

    name = "goroutine"
    priority = 1000
    enabled = True

    def filter(self, frames):
        next(frames, None)
        return frames


def execute(runtime, g, command):
    """What a command prints in the frames of a goroutine."""
    thread = runtime.thread(g)
    if thread is not None:
        with Selection():
            thread.switch()
            return gdb.execute(command, to_string=True)
    with parked(runtime.saved(g)):
        first = gdb.newest_frame().older()
        if first is None:
            raise Problem("goroutine %d has no frames" % g.id)
        first.select()
        gdb.frame_filters["goroutine"] = WithoutFirst()
        try:
            return gdb.execute(command, to_string=True)
        finally:
            del gdb.frame_filters["goroutine"]


def say(line):
    gdb.write(line + "\n")


class Command(gdb.Command):
    """A command; what goes wrong is one line."""

    def __init__(self, name, kind=gdb.COMMAND_STATUS, **more):
        super().__init__(name, kind, **more)
        self.title = name

    def invoke(self, arguments, from_tty):
        try:
            self.obey(arguments)
        except Problem as problem:
            raise gdb.GdbError("%s: %s" % (self.title, problem)) from None
        except gdb.error as error:
            raise gdb.GdbError("%s: gdb says: %s" % (self.title, error)) from None


class Goroutines(Command):
    """List the goroutines: number, state, where the program's code is, M and P.
Usage: goroutines [all] [-n N]
A star: on a thread at this moment. At most 1000, or N; with -n 0 all of them.
With `all` dead ones too, and addresses, which `goroutine` takes like numbers."""

    def obey(self, arguments):
        list_goroutines(Runtime(Gdb()), arguments, say)


class Goroutine(Command):
    """Execute a command in the frames of a goroutine.
Usage: goroutine N|0xADDRESS|all [COMMAND]
Without a command: bt. Frames count from 1 where the goroutine is on no thread."""

    def obey(self, arguments):
        words = arguments.split(None, 1)
        if not words:
            raise Problem("usage: goroutine N|0xADDRESS|all [COMMAND]")
        command = words[1] if len(words) > 1 else "bt"
        runtime = Runtime(Gdb())
        if words[0] == "all":
            for i, g in enumerate(runtime.listed()):
                say(("\n" if i else "") + header(runtime, g))
                self.show(runtime, g, command)
            return
        g = runtime.find(words[0])
        if runtime.is_dead(g):
            raise Problem("goroutine %s is dead: it has no frames" % words[0])
        if command.split()[0] in ("bt", "backtrace", "where"):
            say(header(runtime, g))
        self.show(runtime, g, command)

    @staticmethod
    def show(runtime, g, command):
        gdb.write(names.readable(execute(runtime, g, command)))


class InfoP(Command):
    """List the Ps: status, M, goroutine, what waits in the queues.
Usage: info P"""

    def obey(self, arguments):
        list_ps(Runtime(Gdb()), say)


class InfoM(Command):
    """List the Ms: thread, P, goroutine, and what a thread without one does.
Usage: info M"""

    def obey(self, arguments):
        list_ms(Runtime(Gdb()), say)


def expect_faults(_=None):
    """A stack grows by a fault, which is no reason to stop: other faults come by
    clinux_debugfault."""
    if expect_faults.done or Gdb().symbol("clinux_debugfault") is None:
        return
    expect_faults.done = True
    gdb.execute("handle SIGSEGV SIGBUS nostop noprint pass", to_string=True)
    gdb.Breakpoint("clinux_debugfault", internal=True)


expect_faults.done = False


def install():
    expect_faults()
    gdb.events.new_objfile.connect(expect_faults)
    gdb.unwinder.register_unwinder(None, parked, replace=True)
    Goroutines("goroutines")
    Goroutine("goroutine", gdb.COMMAND_STACK)
    InfoP("info P")
    InfoM("info M")
