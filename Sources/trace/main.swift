// SPDX-License-Identifier: Apache-2.0
//
// What a trace says.

import TraceFile

let file = try TraceFile(path: CommandLine.arguments[1])
print("\(CommandLine.arguments[1]): \(file.events.count) events of stage \(file.stage)")
