# SPDX-License-Identifier: Apache-2.0
#
# Goroutines in lldb.
#
# lldb lets a script tell it of threads that the operating system does not know, with
# registers of their own: that is what a goroutine becomes that is on no thread, when a
# command is to be executed in its frames. It stays among lldb's threads until the
# process goes on. No register of the process is touched, and core files work as well.

import os
import shlex

import lldb
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


# What tells lldb of threads; and what it tells: by stack pointer, registers.
THREADS = "goroutines_lldb_threads.py"
saved = {}


class Lldb(Debugger):
    def __init__(self, debugger):
        self.debugger = debugger
        self.target = debugger.GetSelectedTarget()
        self.process = self.target.GetProcess()
        self.architecture = self.target.GetTriple().split("-")[0]
        self.program = self.target.GetExecutable().GetFilename()
        self.known = {}
        if self.process.IsValid() and self.process.GetState() == lldb.eStateStopped:
            self.known = {t.GetThreadID(): t for t in self.process}
        self.seen = {}

    def symbol(self, name):
        for context in self.target.FindSymbols(name):
            address = context.GetSymbol().GetStartAddress().GetLoadAddress(self.target)
            if address != lldb.LLDB_INVALID_ADDRESS:
                return address
        return None

    def read(self, address, size):
        error = lldb.SBError()
        data = self.process.ReadMemory(address, size, error)
        if error.Fail() or data is None or len(data) != size:
            raise Unreadable
        return data

    def threads(self):
        return self.known

    def frames(self, thread):
        number = thread.GetThreadID()
        if number not in self.seen:
            self.seen[number] = [self.frame(f) for f in thread]
        return self.seen[number]

    def parked_frames(self, registers):
        return [self.frame(f) for f in self.parked(registers)]

    def parked(self, registers):
        """A thread of lldb's with these registers."""
        sp = registers["rsp" if "rsp" in registers else "sp"]
        saved[sp] = registers
        thread = self.process.GetThreadByID(sp)
        if not thread.IsValid():
            thread = self.process.CreateOSPluginThread(sp, sp)
        if not thread.IsValid():
            path = os.path.join(os.path.dirname(os.path.abspath(__file__)), THREADS)
            setting = "settings set target.process.python-os-plugin-path "
            self.debugger.HandleCommand(setting + shlex.quote(path))
            # Or lldb makes its list of threads anew when it is next looked at.
            self.process.GetNumThreads()
            thread = self.process.CreateOSPluginThread(sp, sp)
        if not thread.IsValid():
            raise Problem("this lldb makes no threads of goroutines")
        return thread

    def frame(self, frame):
        line = frame.GetLineEntry()
        file = line.GetFileSpec().fullpath if line.IsValid() else None
        symbol = frame.GetFunction() if frame.GetFunction().IsValid() else frame.GetSymbol()
        # Of an inlined function there is no name but a readable one.
        inlined = frame.IsInlined() or not symbol.IsValid()
        name = frame.GetFunctionName() if inlined else symbol.GetMangledName() or symbol.GetName()
        text = frame.GetDisplayFunctionName() if inlined else name
        library = frame.GetModule().GetFileSpec().GetFilename() != self.program
        sp, pc = frame.GetSP(), frame.GetPC()
        return Frame(sp, pc, name, text, file, line.GetLine(), library)

    def live(self):
        return self.process.GetPluginName() != "elf-core"


def goroutines(debugger, arguments, context, result, _):
    """List the goroutines: number, state, where the program's code is, M and P.
    Syntax: goroutines [all] [-n N]
    A star: on a thread at this moment. At most 1000, or N; with -n 0 all of them.
    With `all` dead ones too, and addresses, which `goroutine` takes like numbers."""
    obey(
        "goroutines",
        result,
        lambda: list_goroutines(Runtime(Lldb(debugger)), arguments, result.AppendMessage),
    )


def goroutine(debugger, arguments, context, result, _):
    """Execute a command in the frames of a goroutine.
    Syntax: goroutine N|0xADDRESS|all [COMMAND]
    Without a command: bt."""
    obey("goroutine", result, lambda: in_goroutine(debugger, arguments, result))


def info_P(debugger, arguments, context, result, _):
    """List the Ps: status, M, goroutine, what waits in the queues."""
    obey("info P", result, lambda: list_ps(Runtime(Lldb(debugger)), result.AppendMessage))


def info_M(debugger, arguments, context, result, _):
    """List the Ms: thread, P, goroutine, and what a thread without one does."""
    obey("info M", result, lambda: list_ms(Runtime(Lldb(debugger)), result.AppendMessage))


def obey(title, result, body):
    """What goes wrong is one line."""
    try:
        body()
    except Problem as problem:
        result.SetError("%s: %s" % (title, problem))


def in_goroutine(debugger, arguments, result):
    words = arguments.split(None, 1)
    if not words:
        raise Problem("usage: goroutine N|0xADDRESS|all [COMMAND]")
    command = words[1] if len(words) > 1 else "bt"
    lldb_ = Lldb(debugger)
    runtime = Runtime(lldb_)
    if words[0] == "all":
        for i, g in enumerate(runtime.listed()):
            result.AppendMessage(("\n" if i else "") + header(runtime, g))
            execute(lldb_, runtime, g, command, result)
        return
    g = runtime.find(words[0])
    if runtime.is_dead(g):
        raise Problem("goroutine %s is dead: it has no frames" % words[0])
    if command.split()[0] in ("bt", "thread"):
        result.AppendMessage(header(runtime, g))
    execute(lldb_, runtime, g, command, result)


def execute(lldb_, runtime, g, command, result):
    """Executes a command with the goroutine's thread selected."""
    thread = runtime.thread(g) or lldb_.parked(runtime.saved(g))
    frame = thread.GetSelectedFrame()
    if not frame.IsValid():
        frame = thread.GetFrameAtIndex(0)
    said = lldb.SBCommandReturnObject()
    lldb_.debugger.GetCommandInterpreter().HandleCommand(
        command, lldb.SBExecutionContext(frame), said
    )
    if not said.Succeeded():
        raise Problem(said.GetError().strip())
    result.AppendMessage(names.readable(said.GetOutput().rstrip("\n")))


def install(debugger):
    here = "goroutines_lldb"
    for command in (
        "command script import " + shlex.quote(os.path.abspath(__file__)),
        "command script add -o -f %s.goroutines goroutines" % here,
        "command script add -o -f %s.goroutine goroutine" % here,
        "command container add -o -h 'Ps and Ms.' info",
        "command script add -o -f %s.info_P info P" % here,
        "command script add -o -f %s.info_M info M" % here,
    ):
        debugger.HandleCommand(command)
    expect_signals(debugger)


def expect_signals(debugger):
    """SIGURG preempts goroutines, and a stack grows by a fault: no reasons to stop. Other
    faults come by clinux_debugfault."""
    target = debugger.GetSelectedTarget()
    if not target.IsValid() or not target.FindSymbols("clinux_debugfault").GetSize():
        return
    debugger.GetCommandInterpreter().HandleCommand(
        "process handle SIGURG SIGSEGV SIGBUS --stop false --notify false --pass true",
        lldb.SBCommandReturnObject(),
    )
    target.BreakpointCreateByName("clinux_debugfault")
