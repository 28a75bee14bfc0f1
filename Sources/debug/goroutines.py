# SPDX-License-Identifier: Apache-2.0
#
# Goroutines for debuggers: what to load.      Go: src/runtime/runtime-gdb.py
#
#   gdb -x Sources/debug/goroutines.py PROGRAM
#   lldb -o 'command script import Sources/debug/goroutines.py' PROGRAM
#
# What there is then, and what it prints: Notes/debuggers.md. How it is done:
#
#   goroutines_runtime.py   reads Gs, Ms and Ps, knowing from the runtime's own table
#                           where things lie; the commands that only print
#   goroutines_gdb.py       gdb's way to memory, symbols and frames; its commands
#   goroutines_lldb.py      lldb's, with goroutines_lldb_threads.py

import importlib
import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))


def _load(name):
    """A module beside this one; anew if it was loaded before. Leaves no files there."""
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, _here)
    try:
        if name in sys.modules:
            return importlib.reload(sys.modules[name])
        return importlib.import_module(name)
    finally:
        sys.path.remove(_here)
        sys.dont_write_bytecode = written


def __lldb_init_module(debugger, _):
    _load("goroutines_runtime")
    _load("goroutines_lldb").install(debugger)


if "gdb" in sys.modules:
    _load("goroutines_runtime")
    _load("goroutines_gdb").install()
