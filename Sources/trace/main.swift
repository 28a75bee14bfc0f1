// SPDX-License-Identifier: Apache-2.0
//
// trace: what a trace says, as pictures.
//
// Exit status: 0; 1 if a file is bad or cannot be written; 2 if the command line makes
// no sense.

import Foundation
import TraceFile

let output = try Output(path: CommandLine.arguments[2])
let traces = try CommandLine.arguments[1].split(separator: ",").map { path in
  Named(name: String(path), line: Timeline(try TraceFile(path: String(path))))
}
try writeHTML(traces, to: output)
try output.close()
print(output.count, traces[0].line.stints.count, traces[0].line.arrows.count)
