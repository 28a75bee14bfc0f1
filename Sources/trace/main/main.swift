// SPDX-License-Identifier: Apache-2.0
//
// trace: what a trace says, as pictures.

import Foundation
import TraceTool

exit(command(Array(CommandLine.arguments.dropFirst())))
