// SPDX-License-Identifier: Apache-2.0
//
// What a trace says.

import TraceFile

let file = try TraceFile(path: CommandLine.arguments[1])
print("\(CommandLine.arguments[1]): \(file.events.count) events of stage \(file.stage)")
let checked = check(file)
for p in checked.problems.prefix(20) { print(p.time, p.offset, p.message) }
print(checked.problems.count, checked.left.count, checked.runs)
