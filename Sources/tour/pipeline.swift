// SPDX-License-Identifier: Apache-2.0
//
// The same as a pipeline of goroutines:
//
//   walker --paths--> readers --full--> counters --tables--> merger
//                        ^                 |
//                        +------empty------+
//
// Every arrow is a bounded channel, so whoever is too fast waits, and memory
// stays bounded: the chunks go round. Readers and the walker spend their time in
// the kernel, in `blocking`; while they do, their Ps serve the counters. Each
// counter has a table of its own: nothing is shared, nothing is locked.

import Stage

func countWithGoroutines(_ root: Path, _ progress: Progress) -> Count {
  let counters = OnStage.procs
  let readers = 2 * counters
  let paths = Channel<[Path]>(capacity: 16)
  let full = Channel<Chunk>(capacity: readers)
  let empty = Channel<Chunk>(capacity: readers)
  let tables = Channel<WordTable>()
  let findings = Channel<Findings>(capacity: 1 + readers)

  go {
    var walk = Walk(root)
    while let files = OnStage.inKernel({ walk.next() }) {
      paths.send(files)
    }
    paths.close()
    findings.send(walk.findings)
  }

  let reading = WaitGroup()
  for _ in 0..<readers {
    empty.send(Chunk())
    reading.go {
      var reader = Reader()
      func exchange(_ chunk: Chunk) -> Chunk {
        progress.add(bytes: chunk.count)
        full.send(chunk)
        return empty.receive()!
      }
      for files in paths {
        for file in files {
          reader.read(file, kernel: { OnStage.inKernel($0) }, exchange: exchange)
        }
        progress.add(files: files.count)
      }
      reader.finish(exchange: exchange)
      findings.send(reader.findings)
    }
  }
  go {
    reading.wait()
    full.close()
  }

  for _ in 0..<counters {
    go {
      let table = WordTable()
      for chunk in full {
        table.countWords(in: chunk.text)
        empty.send(chunk)
      }
      tables.send(table)
    }
  }

  // This goroutine is the merger.
  var count = Count(words: tables.receive()!)
  for _ in 1..<counters {
    count.words.merge(tables.receive()!)
  }
  for _ in 0..<1 + readers {
    count.findings += findings.receive()!
  }
  while case .value(let chunk) = empty.tryReceive() {
    chunk.free()
  }
  return count
}
