// SPDX-License-Identifier: Apache-2.0
//
// The plain loop: one thread, one file after the other. The goroutines must
// find the same, and should find it sooner.

/// What a pass over a directory yields.
struct Count {
  var findings = Findings()
  var words = WordTable()
}

func countPlainly(_ root: Path, _ progress: Progress) -> Count {
  var count = Count()
  var walk = Walk(root)
  var reader = Reader()
  func take(_ chunk: Chunk) -> Chunk {
    progress.add(bytes: chunk.count)
    count.words.countWords(in: chunk.text)
    return chunk
  }
  while let files = walk.next() {
    for file in files {
      reader.read(file, kernel: { $0() }, exchange: take)
    }
    progress.add(files: files.count)
  }
  reader.finish(exchange: take)
  count.findings += walk.findings
  count.findings += reader.findings
  return count
}
