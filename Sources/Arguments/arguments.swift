// SPDX-License-Identifier: Apache-2.0
//
// How the tools read their arguments: a function `parse` makes options of them, or
// throws what stands here. It has no effects and calls nothing that ends the process;
// that is for its caller.

/// Instead of options.
public enum CommandLineError: Error, Equatable {
  /// The usage is asked for.
  case help

  /// The arguments make no sense. The message is one line and says why.
  case wrong(String)
}

/// An argument within a message: on one line, and nothing in it controls a terminal.
public func printable(_ argument: String) -> String {
  var text = ""
  for scalar in argument.unicodeScalars {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator:
      text.unicodeScalars.append("\u{fffd}")
    default:
      text.unicodeScalars.append(scalar)
    }
  }
  return text
}

extension ClosedRange where Bound: LosslessStringConvertible {
  /// The text as a number of this range; nil if it is not one.
  public func number(_ text: String) -> Bound? {
    guard let value = Bound(text), contains(value) else { return nil }
    return value
  }

  /// For a message: 1 to 100.
  public var bounds: String {
    func whole(_ bound: Bound) -> Substring {
      let text = String(bound)
      return text.hasSuffix(".0") ? text.dropLast(2) : text[...]
    }
    return "\(whole(lowerBound)) to \(whole(upperBound))"
  }
}
