# SPDX-License-Identifier: Apache-2.0
#
# What tells lldb of goroutines as threads. lldb loads this file by itself, and makes an
# object of the class of this name; see goroutines_lldb.py.

import goroutines_lldb
from goroutines_runtime import GOBUF

# Registers as DWARF numbers them, and what they are for.
NUMBERS = {"rbx": 3, "rbp": 6, "rsp": 7, "rip": 16, "sp": 31, "pc": 32}
NUMBERS.update({"r%d" % i: i for i in range(12, 16)})
NUMBERS.update({"x%d" % i: i for i in range(19, 30)})
GENERIC = {"rsp": "sp", "rbp": "fp", "rip": "pc", "sp": "sp", "x29": "fp", "pc": "pc"}


class OperatingSystemPlugIn:
    """A goroutine's thread has its stack pointer as number."""

    def __init__(self, process):
        architecture = process.GetTarget().GetTriple().split("-")[0]
        self.names = list(GOBUF.get(architecture, []))
        if architecture == "x86_64":
            self.names.append("rip")

    def get_thread_info(self):
        """Threads there are at every stop: none, goroutines may be many."""
        return []

    def create_thread(self, number, context):
        return {
            "tid": number,
            "name": "goroutine",
            "queue": "",
            "state": "stopped",
            "stop_reason": "none",
        }

    def get_register_info(self):
        registers = []
        for i, name in enumerate(self.names):
            register = {
                "name": name,
                "bitsize": 64,
                "offset": 8 * i,
                "encoding": "uint",
                "format": "hex",
                "set": 0,
                "gcc": NUMBERS[name],
                "dwarf": NUMBERS[name],
            }
            if name in GENERIC:
                register["generic"] = GENERIC[name]
            registers.append(register)
        return {"sets": ["general"], "registers": registers}

    def get_register_data(self, number):
        values = goroutines_lldb.saved[number]
        return b"".join(values[name].to_bytes(8, "little") for name in self.names)
