// SPDX-License-Identifier: Apache-2.0
//
// How often each word occurs: a hash table whose keys are slices of bytes.
//
// The bytes of all keys lie one after the other in one arena; a slot says where
// its key begins. So a word that is known costs a hash (computed while the word
// is read), a look at a slot, a comparison of a few bytes and an addition, and
// nothing is allocated. A Dictionary with String keys would make a string of
// every occurrence.
//
// A word is a run of letters: A-Z counts as a-z, and every byte from 0x80 up
// counts as a letter, so that words in UTF-8 stay whole.

/// Longer runs of letters are not words (somebody's data, rather); they are
/// counted, not stored.
let longestWord = 64 << 10

/// What a byte is within a word: itself, its lower case, or 0: not a letter.
func letter(_ byte: UInt8) -> UInt8 {
  if byte >= 0x80 { return byte }
  let lower = byte | 0x20
  return lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z") ? lower : 0
}

/// Not Sendable and not locked: it belongs to one goroutine at a time.
final class WordTable {
  private struct Slot {
    var hash: UInt64 = 0
    var offset = 0
    var length = 0
    /// 0: the slot is empty.
    var count = 0
  }

  /// Number of different words.
  private(set) var count = 0
  /// Number of runs of letters that were too long.
  private(set) var overlong = 0

  /// A power of two, at most three quarters of it in use.
  private var slots = UnsafeMutableBufferPointer<Slot>.allocate(capacity: 1 << 12)
  private var arena = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 1 << 16)
  private var used = 0

  init() {
    slots.initialize(repeating: Slot())
  }

  deinit {
    slots.deallocate()
    arena.deallocate()
  }

  /// Counts the words in `text`, and leaves them in lower case.
  func countWords(in text: UnsafeMutableBufferPointer<UInt8>) {
    // FNV-1a, one step for each letter.
    let seed: UInt64 = 0xcbf2_9ce4_8422_2325
    let prime: UInt64 = 0x0000_0100_0000_01b3
    var start = 0
    var hash = seed
    for i in text.indices {
      let letter = letter(text[i])
      if letter != 0 {
        text[i] = letter
        hash = (hash ^ UInt64(letter)) &* prime
        continue
      }
      if start < i {
        add(UnsafeBufferPointer(rebasing: text[start..<i]), hash)
        hash = seed
      }
      start = i + 1
    }
    if start < text.count {
      add(UnsafeBufferPointer(rebasing: text[start...]), hash)
    }
  }

  /// Adds what the other table has counted.
  func merge(_ other: WordTable) {
    overlong += other.overlong
    for slot in other.slots where slot.count > 0 {
      add(other.word(slot), slot.hash, slot.count)
    }
  }

  /// The n most frequent words; of equally frequent ones, by their bytes.
  func top(_ n: Int) -> [(word: [UInt8], count: Int)] {
    let sorted = slots.filter { $0.count > 0 }.sorted { a, b in
      a.count != b.count
        ? a.count > b.count : word(a).lexicographicallyPrecedes(word(b))
    }
    return sorted.prefix(n).map { (Array(word($0)), $0.count) }
  }

  /// Number of words, each as often as it occurs.
  var total: Int {
    slots.reduce(0) { $0 + $1.count }
  }

  /// Some word that the other table has not, or not as often.
  func firstDifference(from other: WordTable) -> [UInt8]? {
    for slot in slots where slot.count > 0 {
      let same = other.slots[other.find(word(slot), slot.hash)]
      if same.count != slot.count { return Array(word(slot)) }
    }
    return nil
  }

  private func add(_ word: UnsafeBufferPointer<UInt8>, _ hash: UInt64, _ n: Int = 1) {
    if word.count > longestWord {
      overlong += n
      return
    }
    let i = find(word, hash)
    if slots[i].count > 0 {
      slots[i].count += n
      return
    }
    slots[i] = Slot(hash: hash, offset: store(word), length: word.count, count: n)
    count += 1
    if count > slots.count / 4 * 3 { grow() }
  }

  /// The slot of the word, or the empty one where it would be.
  private func find(_ word: UnsafeBufferPointer<UInt8>, _ hash: UInt64) -> Int {
    var i = home(hash)
    while slots[i].count > 0 {
      if slots[i].hash == hash && self.word(slots[i]).elementsEqual(word) { return i }
      i = (i + 1) & (slots.count - 1)
    }
    return i
  }

  /// Where to look first. The low bits of FNV alone are not mixed well.
  private func home(_ hash: UInt64) -> Int {
    Int(truncatingIfNeeded: hash ^ (hash >> 32)) & (slots.count - 1)
  }

  private func word(_ slot: Slot) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(rebasing: arena[slot.offset..<slot.offset + slot.length])
  }

  /// Copies the word to the end of the arena, and returns where it begins.
  private func store(_ word: UnsafeBufferPointer<UInt8>) -> Int {
    if used + word.count > arena.count {
      let capacity = 2 * arena.count + word.count
      let larger = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: capacity)
      _ = larger.update(fromContentsOf: arena[..<used])
      arena.deallocate()
      arena = larger
    }
    defer { used += word.count }
    _ = arena[used...].update(fromContentsOf: word)
    return used
  }

  private func grow() {
    let old = slots
    slots = .allocate(capacity: 2 * old.count)
    slots.initialize(repeating: Slot())
    for slot in old where slot.count > 0 {
      var i = home(slot.hash)
      while slots[i].count > 0 {
        i = (i + 1) & (slots.count - 1)
      }
      slots[i] = slot
    }
    old.deallocate()
  }
}
