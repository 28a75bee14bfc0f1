// SPDX-License-Identifier: Apache-2.0
//
// A goroutine leaks when it waits for something that will never happen. Counting
// before and after shows that there is one; the dump shows where it waits.
//
// Seed fact: numGoroutine is the leak check, for a test as well as for a server.

import Stage

extension Programs.LeakCheck {
  static var body: Body? { { _ in try leakCheck() } }
}

func leakCheck() throws {
  try run {
    let before = numGoroutine()
    print("before: \(before) goroutine(s)")

    print("the first of three answers: \(firstAnswer(capacity: 3))")
    print("with room for every answer:   \(settled() - before) left behind")

    print("the first of three answers: \(firstAnswer(capacity: 0))")
    print("without: \(settled() - before) left behind")

    print("\nwhere they wait, from stackDump():\n")
    let dump = paragraphs(stackDump())
    for paragraph in dump where paragraph.first!.contains("chan send") {
      print(paragraph.joined(separator: "\n") + "\n")
    }
  }
}

/// Asks three goroutines and takes the first answer. Without room in the channel
/// the two others wait for ever: nobody will receive what they send.
private func firstAnswer(capacity: Int) -> Int {
  let answers = Channel<Int>(capacity: capacity)
  for i in 1...3 {
    go {
      sleep(for: .milliseconds(5 * i))
      answers.send(i * 100)
    }
  }
  return answers.receive()!
}

/// The number of goroutines once those that can end have ended.
private func settled() -> Int {
  sleep(for: .milliseconds(50))
  return numGoroutine()
}

/// Groups of lines with an empty line between them: one for each goroutine.
private func paragraphs(_ text: String) -> [[Substring]] {
  text
    .split(separator: "\n", omittingEmptySubsequences: false)
    .split(whereSeparator: { $0.isEmpty })
    .map(Array.init)
}
