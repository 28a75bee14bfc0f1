// SPDX-License-Identifier: Apache-2.0
//
// Foundation on small stacks.
// A line of Notes/host.md each, named by the key that its name begins with.

import Foundation
import Testing

@testable import Stage

/// Something to encode: a tree, so that coders recurse.
private struct Node: Codable, Equatable {
  var id: Int
  var when: Date
  var children: [Node]

  static func tree(_ id: Int, depth: Int) -> Node {
    Node(
      id: id,
      when: Date(timeIntervalSince1970: Double(id)),
      children: depth == 0
        ? [] : [tree(2 * id, depth: depth - 1), tree(2 * id + 1, depth: 0)]
    )
  }
}

extension RuntimeTests.HostTests {
  @Test func `foundation-json: what is encoded is decoded, on small stacks`() async {
    await #expect(processExitsWith: .success) {
      try inRun(procs: 4) { t in
        let group = WaitGroup()
        for i in 1...20 {
          group.go {
            let tree = Node.tree(i, depth: 40)
            let data = try JSONEncoder().encode(tree)
            gosched()
            t.equal(try JSONDecoder().decode(Node.self, from: data), tree)
          }
        }
        group.wait()
        t.check(schedulerCounters().stackGrowths > 0, "no stack grew")
      }
    }
  }
}
