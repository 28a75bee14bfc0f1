// SPDX-License-Identifier: Apache-2.0
//
// What differs between two lists of lines.
//
// Lines that occur once on both sides are matched first, so that a brace is not
// taken for another function's; what is between them is matched by the standard
// library's algorithm. A run of lines that may stand in several places is put where
// a reader would cut: after a blank line, as far to the left as can be.

/// Some lines of A in whose place there are some lines of B.
struct Change: Equatable {
  var a: Range<Int>
  var b: Range<Int>

  var count: Int { a.count + b.count }
}

/// Changes that are shown together, and the lines around them.
struct Hunk {
  let a: Range<Int>
  let b: Range<Int>
  let changes: [Change]
}

func changes<T: Hashable>(_ a: [T], _ b: [T]) -> [Change] {
  var matched = [Int?](repeating: nil, count: a.count)
  match(a, b, a.indices, b.indices, &matched)
  var result: [Change] = []
  var (i, j) = (0, 0)
  while i < a.count || j < b.count {
    if i < a.count, matched[i] == j {
      i += 1
      j += 1
      continue
    }
    let (fromA, fromB) = (i, j)
    while i < a.count, matched[i] == nil { i += 1 }
    j = i < a.count ? matched[i]! : b.count
    result.append(Change(a: fromA..<i, b: fromB..<j))
  }
  return result
}

private func match<T: Hashable>(
  _ a: [T], _ b: [T], _ ra: Range<Int>, _ rb: Range<Int>, _ matched: inout [Int?]
) {
  var (fromA, fromB, toA, toB) = (
    ra.lowerBound, rb.lowerBound, ra.upperBound, rb.upperBound
  )
  while fromA < toA, fromB < toB, a[fromA] == b[fromB] {
    matched[fromA] = fromB
    fromA += 1
    fromB += 1
  }
  while fromA < toA, fromB < toB, a[toA - 1] == b[toB - 1] {
    toA -= 1
    toB -= 1
    matched[toA] = toB
  }
  if fromA == toA || fromB == toB { return }
  let anchors = anchors(a, b, fromA..<toA, fromB..<toB)
  if anchors.isEmpty {
    matchClosely(a, b, fromA..<toA, fromB..<toB, &matched)
    return
  }
  for (i, j) in anchors + [(toA, toB)] {
    match(a, b, fromA..<i, fromB..<j, &matched)
    if i < toA { matched[i] = j }
    (fromA, fromB) = (i + 1, j + 1)
  }
}

private func matchClosely<T: Hashable>(
  _ a: [T], _ b: [T], _ ra: Range<Int>, _ rb: Range<Int>, _ matched: inout [Int?]
) {
  let difference = b[rb].difference(from: a[ra])
  var removed: Set<Int> = []
  var inserted: Set<Int> = []
  for change in difference {
    switch change {
    case .remove(let offset, _, _): removed.insert(ra.lowerBound + offset)
    case .insert(let offset, _, _): inserted.insert(rb.lowerBound + offset)
    }
  }
  var j = rb.lowerBound
  for i in ra where !removed.contains(i) {
    while inserted.contains(j) { j += 1 }
    matched[i] = j
    j += 1
  }
}

/// Pairs of equal elements that occur once on either side, in increasing order.
private func anchors<T: Hashable>(
  _ a: [T], _ b: [T], _ ra: Range<Int>, _ rb: Range<Int>
) -> [(Int, Int)] {
  func once(_ list: [T], _ range: Range<Int>) -> [T: Int] {
    var places: [T: Int] = [:]
    for i in range { places[list[i]] = places[list[i]] == nil ? i : -1 }
    return places
  }
  let (inA, inB) = (once(a, ra), once(b, rb))
  let pairs = ra.compactMap { i -> (Int, Int)? in
    guard inA[a[i]] == i, let j = inB[a[i]], j >= 0 else { return nil }
    return (i, j)
  }
  return longestIncreasing(pairs.map(\.1)).map { pairs[$0] }
}

/// Indices of a longest increasing subsequence.
func longestIncreasing(_ values: [Int]) -> [Int] {
  // ends[n]: where the sequence of length n + 1 ends that ends with the least value.
  var ends: [Int] = []
  var before = [Int?](repeating: nil, count: values.count)
  for (i, value) in values.enumerated() {
    let n = ends.firstIndex { values[$0] >= value } ?? ends.count
    before[i] = n > 0 ? ends[n - 1] : nil
    if n == ends.count { ends.append(i) } else { ends[n] = i }
  }
  var result: [Int] = []
  var next = ends.last
  while let i = next {
    result.append(i)
    next = before[i]
  }
  return result.reversed()
}

/// What differs between two files, apart from the lines that name their stage.
func changes(_ a: Source, _ b: Source) -> [Change] {
  var result = changes(a.neutral, b.neutral)
  for k in result.indices {
    let low = k > 0 ? result[k - 1] : Change(a: 0..<0, b: 0..<0)
    let high =
      k + 1 < result.count
      ? result[k + 1]
      : Change(
        a: a.lines.count..<a.lines.count, b: b.lines.count..<b.lines.count)
    let change = result[k]
    if change.a.isEmpty {
      let by = slide(change.b, b.neutral, low.b.upperBound..<high.b.lowerBound)
      result[k] = Change(a: shift(change.a, by), b: shift(change.b, by))
    } else if change.b.isEmpty {
      let by = slide(change.a, a.neutral, low.a.upperBound..<high.a.lowerBound)
      result[k] = Change(a: shift(change.a, by), b: shift(change.b, by))
    }
  }
  return result
}

private func shift(_ range: Range<Int>, _ by: Int) -> Range<Int> {
  range.lowerBound + by..<range.upperBound + by
}

/// By how many lines a run is best moved within these bounds. It stays as far from
/// its neighbours as one line.
private func slide(_ run: Range<Int>, _ lines: [Line], _ bounds: Range<Int>) -> Int {
  func cut(_ at: Int) -> Int {
    let next = lines[at...].first { !$0.isBlank }?.indent ?? 0
    let isAfterBlank = at == 0 || lines[at - 1].isBlank
    return 2 * next + (isAfterBlank ? 0 : 1)
  }
  var (low, high) = (0, 0)
  while run.lowerBound + low - 1 > bounds.lowerBound,
    lines[run.lowerBound + low - 1] == lines[run.upperBound + low - 1]
  {
    low -= 1
  }
  while run.upperBound + high + 1 < bounds.upperBound,
    lines[run.lowerBound + high] == lines[run.upperBound + high]
  {
    high += 1
  }
  func cost(_ by: Int) -> Int { cut(run.lowerBound + by) + cut(run.upperBound + by) }
  return (low...high).reversed().min { cost($0) < cost($1) } ?? 0
}

/// Changes with up to this many lines around them, joined where these meet.
func hunks(_ changes: [Change], _ a: Source, _ b: Source, context: Int = 3) -> [Hunk] {
  var groups: [[Change]] = []
  for change in changes {
    if let last = groups.last?.last,
      change.a.lowerBound - last.a.upperBound <= 2 * context
    {
      groups[groups.count - 1].append(change)
    } else {
      groups.append([change])
    }
  }
  return groups.map { group in
    let (first, last) = (group[0], group[group.count - 1])
    let before = min(context, first.a.lowerBound)
    let after = min(context, a.lines.count - last.a.upperBound)
    return Hunk(
      a: first.a.lowerBound - before..<last.a.upperBound + after,
      b: first.b.lowerBound - before..<last.b.upperBound + after,
      changes: group
    )
  }
}
