// SPDX-License-Identifier: Apache-2.0
//
// course: what keeps neighbouring stages one idea apart.

import CourseTool
import Foundation

exit(command(Array(CommandLine.arguments.dropFirst())))
