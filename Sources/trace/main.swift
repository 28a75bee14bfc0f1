// SPDX-License-Identifier: Apache-2.0
//
// What a trace says.

import TraceFile

for path in CommandLine.arguments.dropFirst() {
  let file = try TraceFile(path: path)
  _ = report(check(file), of: file, path: path)
}
